//! Just enough of Rust's grammar to see which modules and crates a file names.

/// The code without comments and without the content of literals, so that words in them don't count. Keeps lines.
pub(crate) fn without_comments_and_literals(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let (mut code, mut at) = (String::with_capacity(text.len()), 0);
    while at < characters.len() {
        let end = end_of_comment_or_literal(&characters, at);
        if end == at {
            code.push(characters[at]);
            at += 1;
        } else {
            code.extend(characters[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// Where the comment or literal that begins at `at` ends; `at` itself where none begins.
fn end_of_comment_or_literal(text: &[char], at: usize) -> usize {
    let next = |offset: usize| text.get(at + offset).copied();
    let in_word = at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_');
    match (text[at], next(1)) {
        ('/', Some('/')) => find(text, at, &['\n']),
        ('/', Some('*')) => find(text, at + 2, &['*', '/']) + 2,
        ('"', _) => end_of_string(text, at + 1),
        ('r', Some('"' | '#')) if !in_word => end_of_raw_string(text, at + 1),
        ('b', Some('r')) if !in_word && matches!(next(2), Some('"' | '#')) => end_of_raw_string(text, at + 2),
        ('\'', Some('\\')) => find(text, at + 3, &['\'']) + 1,
        ('\'', Some(_)) if next(2) == Some('\'') => at + 3,
        _ => at,
    }
    .min(text.len())
}

fn end_of_string(text: &[char], mut at: usize) -> usize {
    while at < text.len() && text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn end_of_raw_string(text: &[char], at: usize) -> usize {
    let hashes = text[at..].iter().take_while(|c| **c == '#').count();
    if text.get(at + hashes) != Some(&'"') {
        return at; // a raw identifier
    }
    let mut close = vec!['"'];
    close.extend(std::iter::repeat_n('#', hashes));
    find(text, at + hashes + 1, &close) + close.len()
}

fn find(text: &[char], from: usize, what: &[char]) -> usize {
    (from..text.len()).find(|at| text[*at..].starts_with(what)).unwrap_or(text.len())
}

/// A path that a file names, as far as it says where it leads: `["crate", "store"]`, `["sea_orm"]`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    /// Line, from 1.
    pub(crate) line: usize,
    /// The first segments; of a group `a::{b, c}` one path per member.
    pub(crate) segments: Vec<String>,
}

/// Every path of two or more segments in the code, groups of `use` spread out.
pub(crate) fn named_paths(code: &str) -> Vec<NamedPath> {
    let tokens = tokens(code);
    let (mut paths, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let begins = tokens[at].is_word() && tokens.get(at + 1).is_some_and(|next| next.text == "::");
        at = if begins { read_path(&tokens, at, &[], &mut paths) } else { at + 1 };
    }
    paths
}

struct Token {
    line: usize,
    text: String,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

fn tokens(code: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (line, text) in (1..).zip(code.lines()) {
        let (mut word, mut colons) = (String::new(), 0);
        for c in text.chars().chain([' ']) {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                colons = 0;
                continue;
            }
            if !word.is_empty() {
                tokens.push(Token { line, text: std::mem::take(&mut word) });
            }
            colons = if c == ':' { colons + 1 } else { 0 };
            match c {
                ':' if colons == 2 => tokens.push(Token { line, text: "::".into() }),
                ':' => {}
                c if c.is_whitespace() => {}
                c => tokens.push(Token { line, text: c.into() }),
            }
        }
    }
    tokens
}

/// Reads the path at `at`, adds it with the `prefix` of the groups around it, and says where it ends.
fn read_path(tokens: &[Token], mut at: usize, prefix: &[String], paths: &mut Vec<NamedPath>) -> usize {
    let (line, mut segments) = (tokens[at].line, prefix.to_vec());
    loop {
        match tokens.get(at) {
            Some(word) if word.is_word() => segments.push(word.text.clone()),
            Some(brace) if brace.text == "{" && !segments.is_empty() => {
                return read_group(tokens, at + 1, &segments, paths);
            }
            _ => break,
        }
        at += 1;
        match tokens.get(at) {
            Some(colons) if colons.text == "::" => at += 1,
            _ => break,
        }
    }
    paths.push(NamedPath { line, segments });
    at.max(1)
}

fn read_group(tokens: &[Token], mut at: usize, prefix: &[String], paths: &mut Vec<NamedPath>) -> usize {
    while let Some(token) = tokens.get(at) {
        at = match token.text.as_str() {
            "}" => return at + 1,
            _ if token.is_word() => read_path(tokens, at, prefix, paths),
            _ => at + 1,
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths_of(text: &str) -> Vec<String> {
        let code = without_comments_and_literals(text);
        named_paths(&code).into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn groups_are_spread_out() {
        let text = "use crate::{store::{self, contacts}, api::View};\nlet x = super::rest::show(1);";
        assert_eq!(
            paths_of(text),
            ["crate::store::self", "crate::store::contacts", "crate::api::View", "super::rest::show"]
        );
    }

    #[test]
    fn comments_and_literals_name_nothing() {
        let text = "// crate::store\n/* a::b */ let a = \"c::d \\\" e::f\"; let b = r#\"g::h\"#; let c = '\"'; i::j();";
        assert_eq!(paths_of(text), ["i::j"]);
    }

    #[test]
    fn lifetimes_are_no_literals() {
        assert_eq!(paths_of("fn f<'a>(x: &'a a::B, y: &'a c::D) {}"), ["a::B", "c::D"]);
    }
}
