//! Who would go off a list by a plan that is not carried out yet.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::settle::Plan;
use crate::domain::ids::{AccountId, ContactId, ListId};
use crate::store::memberships;

/// How many memberships of each list would end: those that the plan leaves without a ground. Reads only, and nothing
/// where no ground ends.
pub(crate) async fn by_list(
    tx: &impl ConnectionTrait,
    account: AccountId,
    plan: &Plan,
) -> Result<BTreeMap<ListId, u64>, DbErr> {
    let ending: HashSet<Uuid> = plan.end.iter().map(|(_, id, _)| *id).collect();
    if ending.is_empty() {
        return Ok(BTreeMap::new());
    }
    let stays: HashSet<(ContactId, ListId)> =
        plan.begin.iter().map(|(ground, _)| (ground.contact_id, ground.list_id)).collect();
    let mut contacts: Vec<ContactId> = plan.end.iter().map(|(ground, ..)| ground.contact_id).collect();
    contacts.sort_unstable();
    contacts.dedup();
    // By membership: whether every ground of it ends.
    let mut ends: HashMap<(ContactId, ListId), bool> = HashMap::new();
    for ground in memberships::held_by(tx, account, &contacts).await? {
        *ends.entry((ground.contact, ground.list)).or_insert(true) &= ending.contains(&ground.id);
    }
    let mut leaving = BTreeMap::new();
    for (place, _) in ends.into_iter().filter(|(place, ends)| *ends && !stays.contains(place)) {
        *leaving.entry(place.1).or_default() += 1;
    }
    Ok(leaving)
}
