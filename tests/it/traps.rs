//! The facts most likely to bite a connector, each with the tests that show that it does not bite ours.
//!
//! The list itself is no part of the project; where it lies beside the checkout, this table is held against it line by
//! line. Every line is shown by tests; what one can't be, would have to say why in its connector's module documentation.

use std::collections::BTreeSet;

use crate::support::files::rust_files;
use crate::support::vendors;

/// Platform as the list's headings write it, number of the line, and the tests that show it.
const TRAPS: &[(&str, u32, &[&str])] = &[
    (
        "Shopify",
        1,
        &["one_customer_is_read_again_by_its_global_id", "an_opt_out_that_only_the_consent_topic_tells_is_carried_out"],
    ),
    (
        "Shopify",
        2,
        &[
            "failures_with_status_200_are_told_apart_by_their_code",
            "a_throttled_store_says_so_in_both_ways",
            "a_request_waits_until_the_budget_allows_it",
        ],
    ),
    (
        "Shopify",
        3,
        &[
            "an_incremental_pass_asks_from_before_the_watermark_in_quoted_utc",
            "an_opt_out_is_seen_by_the_next_incremental_pass",
            "a_record_that_is_read_twice_unchanged_is_given_once",
        ],
    ),
    (
        "Shopify",
        4,
        &[
            "only_an_order_without_customer_makes_a_guest",
            "an_order_whose_customer_was_not_answered_makes_no_guest",
            "a_customer_without_an_address_is_a_person_without_one",
        ],
    ),
    (
        "Shopify",
        5,
        &[
            "orders_of_the_last_60_days_only_are_a_warning",
            "the_connection_test_finds_protected_customer_data",
            "a_denied_address_is_an_error",
        ],
    ),
    (
        "Shopify",
        6,
        &[
            "short_lived_tokens_are_renewed_on_the_way",
            "a_token_is_renewed_shortly_before_its_end",
            "a_fixed_token_that_is_refused_is_not_asked_for_again",
        ],
    ),
    (
        "Shopify",
        7,
        &[
            "a_person_deleted_in_the_store_leaves_after_a_full_pass",
            "a_deletion_takes_the_grounds_away",
            "a_subscription_that_the_shop_deleted_is_made_again_the_next_day",
        ],
    ),
    (
        "BigCommerce",
        1,
        &[
            "only_the_newsletter_consent_is_an_opt_in",
            "everybody_is_where_the_article_puts_them",
            "the_lists_hold_exactly_whom_the_store_says",
        ],
    ),
    ("BigCommerce", 2, &["customers_say_nothing_about_marketing"]),
    (
        "BigCommerce",
        3,
        &[
            "orders_are_read_above_ids_until_the_store_answers_204",
            "times_come_in_three_spellings",
            "a_store_that_ignores_the_filter_is_not_believed",
        ],
    ),
    ("BigCommerce", 4, &["guests_are_buyers_without_an_account"]),
    ("BigCommerce", 5, &["webhooks_that_the_store_switched_off_are_woken_daily"]),
    (
        "Magento",
        1,
        &[
            "guest_subscribers_come_from_the_merchants_list_and_only_from_there",
            "a_no_of_the_flag_is_no_opt_out_by_itself",
        ],
    ),
    (
        "Magento",
        2,
        &[
            "an_incremental_pass_sweeps_accounts_that_did_not_change",
            "every_account_is_read_again_within_the_promised_number_of_passes",
            "an_opt_out_is_seen_by_the_next_incremental_pass_and_suppresses_nobody",
        ],
    ),
    (
        "Magento",
        3,
        &[
            "no_page_but_the_first_is_ever_asked_for",
            "a_count_that_is_too_low_does_not_end_a_walk",
            "an_incremental_pass_asks_for_changes_by_two_sort_keys_and_a_time_the_shop_can_read",
        ],
    ),
    (
        "Magento",
        4,
        &[
            "a_space_goes_out_as_percent_twenty_and_brackets_encoded",
            "a_token_that_is_refused_everywhere_may_not_be_switched_on",
        ],
    ),
    (
        "Magento",
        5,
        &[
            "one_address_on_two_websites_counts_for_each_account_as_its_own_website_says",
            "on_one_website_the_list_is_believed_but_for_a_no_with_capitals",
        ],
    ),
    (
        "Magento",
        6,
        &[
            "a_shop_that_ignores_the_filter_is_not_believed",
            "an_incremental_pass_asks_for_changes_by_two_sort_keys_and_a_time_the_shop_can_read",
        ],
    ),
    (
        "Salesforce Commerce Cloud",
        1,
        &[
            "a_date_that_is_no_longer_known_is_looked_for_anew",
            "everybody_is_read_once_a_day_even_where_changes_can_be_searched",
            "without_a_date_everybody_is_read_once_a_day_and_nothing_in_between",
        ],
    ),
    (
        "Salesforce Commerce Cloud",
        2,
        &[
            "a_list_beyond_the_cap_is_read_in_halved_windows_and_nobody_is_left_out",
            "more_profiles_of_one_moment_than_the_store_shows_are_an_error_and_no_end",
            "a_list_that_no_date_divides_is_read_up_to_the_cap_and_refused_beyond",
        ],
    ),
    (
        "Salesforce Commerce Cloud",
        3,
        &[
            "the_guest_flag_alone_tells_a_guest",
            "orders_that_were_not_placed_make_nobody_a_customer",
            "a_list_that_comes_newest_first_in_spite_of_being_asked_is_not_cut",
        ],
    ),
    (
        "Salesforce Commerce Cloud",
        4,
        &[
            "a_token_is_asked_for_with_the_tenant_and_every_scope_and_sent_as_bearer",
            "a_scope_that_a_token_silently_lacks_is_named_too",
        ],
    ),
    (
        "Salesforce Commerce Cloud",
        5,
        &[
            "an_absent_attribute_is_not_a_no",
            "an_address_is_optional_and_a_login_is_none",
            "a_profile_is_known_by_its_customer_id_whatever_its_number",
        ],
    ),
    (
        "Shopware",
        1,
        &[
            "what_changed_is_asked_for_by_either_date",
            "every_search_has_page_limit_and_exact_total_and_asks_only_for_what_is_used",
            "a_shop_that_gives_fewer_rows_is_asked_for_fewer",
        ],
    ),
    (
        "Shopware",
        2,
        &[
            "only_the_status_of_a_newsletter_row_decides",
            "a_newsletter_row_is_no_customer_and_keeps_its_words_as_evidence",
            "the_chosen_sales_channels_bound_every_list",
        ],
    ),
    (
        "Shopware",
        3,
        &[
            "an_unsigned_delivery_is_known_by_the_token_in_its_address",
            "with_an_apps_secret_only_its_signature_counts",
            "each_topic_names_what_is_to_be_read_again",
        ],
    ),
    (
        "Shopware",
        4,
        &[
            "an_incremental_pass_finds_the_row_at_its_customers_new_address",
            "a_changed_address_takes_the_old_one_off_every_list_in_the_next_incremental_run",
            "guests_are_asked_for_only_with_an_order",
        ],
    ),
    (
        "Shopware",
        5,
        &[
            "a_token_is_asked_for_as_documented_and_outlives_its_connector",
            "those_who_need_a_token_at_the_same_time_share_one_call",
            "a_token_is_renewed_a_minute_before_its_end",
            "the_clouds_ten_token_calls_a_minute_are_enough_for_any_number_of_hints",
        ],
    ),
    (
        "WooCommerce",
        1,
        &[
            "an_opt_out_changes_the_meta_and_no_date",
            "an_opt_out_is_seen_by_the_next_incremental_pass_and_suppresses_nobody",
        ],
    ),
    (
        "WooCommerce",
        2,
        &[
            "a_zone_together_with_the_gmt_flag_loses_rows_on_post_storage",
            "every_parameter_is_one_of_the_vendors_and_fits_its_type",
            "another_time_zone_of_the_store_loses_nobody",
        ],
    ),
    (
        "WooCommerce",
        3,
        &[
            "paging_by_id_shows_every_customer_once_and_the_totals_agree",
            "an_unsorted_answer_is_not_believed",
            "account_holders_and_guest_buyers_are_found_and_nobody_else",
            "a_customer_without_an_address_is_a_person_without_one",
        ],
    ),
    (
        "WooCommerce",
        4,
        &[
            "past_the_end_the_new_order_storage_forgets_its_totals",
            "a_list_ends_where_each_recorded_kind_of_store_says_so",
        ],
    ),
    ("WooCommerce", 5, &["a_customer_is_an_account_with_decoded_names_and_an_undated_flag"]),
    (
        "WooCommerce",
        6,
        &[
            "basic_credentials_count_only_where_the_store_sees_tls",
            "over_http_the_request_is_signed_and_the_secret_stays_here",
            "over_https_the_credentials_are_in_a_header_that_is_never_shown",
        ],
    ),
    (
        "WooCommerce",
        7,
        &["orders_that_are_nobody_are_skipped_with_their_reason", "a_deleted_account_leaves_its_orders_to_a_guest"],
    ),
    (
        "WooCommerce",
        8,
        &[
            "a_ping_and_an_error_document_do_no_harm",
            "webhooks_that_the_store_switched_off_are_woken_daily",
            "other_ports_than_wordpress_sends_to_are_named",
            "a_deletion_takes_the_grounds_away",
        ],
    ),
    (
        "WooCommerce",
        9,
        &["a_box_that_was_not_ticked_takes_nothing_back", "an_explicit_no_at_checkout_is_a_dated_withdrawal"],
    ),
    ("WooCommerce", 10, &["a_store_is_asked_for_json_by_name", "everything_has_another_face_under_a_fault"]),
];

#[test]
fn every_trap_is_in_the_table_once() {
    let Some(folder) = vendors() else { return };
    let list = std::fs::read_to_string(folder.join("traps.md")).expect("the list of traps is there");
    let mut heading = "";
    let mut listed = Vec::new();
    for line in list.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title;
        } else if let Some((number, _)) = line.split_once(". ") {
            listed.extend(number.parse::<u32>().ok().map(|number| (heading, number)));
        }
    }
    let table: Vec<_> = TRAPS.iter().map(|(platform, number, _)| (*platform, *number)).collect();
    // A platform comes into the table together with its connector.
    listed.retain(|(heading, _)| table.iter().any(|(platform, _)| platform == heading));
    assert_eq!(table, listed);
}

#[test]
fn what_shows_a_trap_exists() {
    let files = rust_files();
    let tests: BTreeSet<&str> = files
        .iter()
        .filter(|file| file.path != "tests/it/traps.rs")
        .flat_map(|file| file.text.split("fn ").skip(1))
        .filter_map(|after| after.split_once('(').map(|(name, _)| name))
        .collect();
    let mut missing = Vec::new();
    for (platform, number, names) in TRAPS {
        assert!(!names.is_empty(), "{platform} {number}");
        let absent = names.iter().filter(|name| !tests.contains(**name));
        missing.extend(absent.map(|name| format!("{platform} {number}: {name}")));
    }
    assert!(missing.is_empty(), "what is named and not there:\n{}", missing.join("\n"));
}
