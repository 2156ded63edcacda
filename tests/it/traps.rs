//! The facts most likely to bite a connector, each with the tests that show that it does not bite ours.
//!
//! The list itself is no part of the project; where it lies beside the checkout, this table is held against it line by
//! line. Every line is shown by tests; what one can't be, would have to say why in its connector's module documentation.

use std::collections::BTreeSet;

use crate::support::files::rust_files;
use crate::support::vendors;

type Test = (&'static str, &'static str);

/// Platform as the list's headings write it, number of the line, and the tests that show it: file and name.
const TRAPS: &[(&str, u32, &[Test])] = &[
    (
        "Shopify",
        1,
        &[
            ("tests/it/shopify_connector/reading.rs", "one_customer_is_read_again_by_its_global_id"),
            ("tests/it/webhooks/shopify.rs", "an_opt_out_that_only_the_consent_topic_tells_is_carried_out"),
        ],
    ),
    (
        "Shopify",
        2,
        &[
            ("tests/it/shopify_connector/errors.rs", "failures_with_status_200_are_told_apart_by_their_code"),
            ("tests/it/shopify_connector/paging.rs", "a_request_waits_until_the_budget_allows_it"),
        ],
    ),
    (
        "Shopify",
        3,
        &[
            (
                "src/connectors/shopify/position_tests.rs",
                "an_incremental_pass_asks_from_before_the_watermark_in_quoted_utc",
            ),
            ("tests/it/shopify_connector/simulated.rs", "an_opt_out_is_seen_by_the_next_incremental_pass"),
            ("tests/it/shopify_connector/paging.rs", "a_record_that_is_read_twice_unchanged_is_given_once"),
        ],
    ),
    (
        "Shopify",
        4,
        &[
            ("tests/it/shopify_connector/reading.rs", "only_an_order_without_customer_makes_a_guest"),
            ("src/connectors/shopify/wire.rs", "an_order_whose_customer_was_not_answered_makes_no_guest"),
            ("tests/it/shopify_connector/reading.rs", "customers_are_read_with_their_marketing_state"),
        ],
    ),
    (
        "Shopify",
        5,
        &[
            ("tests/it/shopify_connector/reading.rs", "orders_of_the_last_60_days_only_are_a_warning"),
            ("tests/it/shopify_connector/reading.rs", "the_connection_test_finds_protected_customer_data"),
            ("src/connectors/shopify/envelope.rs", "a_denied_address_is_an_error"),
        ],
    ),
    (
        "Shopify",
        6,
        &[
            ("tests/it/shopify_connector/simulated.rs", "short_lived_tokens_are_renewed_on_the_way"),
            ("tests/it/shopify_connector/token.rs", "a_token_is_renewed_shortly_before_its_end"),
            ("tests/it/shopify_connector/token.rs", "a_fixed_token_that_is_refused_is_not_asked_for_again"),
        ],
    ),
    (
        "Shopify",
        7,
        &[
            ("tests/it/contract/changes.rs", "a_person_deleted_in_the_store_leaves_after_a_full_pass"),
            ("tests/it/webhooks/carried_out.rs", "a_deletion_takes_the_grounds_away"),
            ("tests/it/webhooks/shopify.rs", "a_subscription_that_the_shop_deleted_is_made_again_the_next_day"),
        ],
    ),
    (
        "BigCommerce",
        1,
        &[
            ("src/connectors/bigcommerce/wire_tests.rs", "only_the_newsletter_consent_is_an_opt_in"),
            ("tests/it/contract/population.rs", "the_lists_hold_exactly_whom_the_store_says"),
        ],
    ),
    ("BigCommerce", 2, &[("src/connectors/bigcommerce/wire_tests.rs", "customers_say_nothing_about_marketing")]),
    (
        "BigCommerce",
        3,
        &[
            ("tests/it/bigcommerce_connector/paging.rs", "orders_are_read_above_ids_until_the_store_answers_204"),
            ("src/connectors/bigcommerce/wire_tests.rs", "times_come_in_three_spellings"),
            ("tests/it/bigcommerce_connector/paging.rs", "a_store_that_ignores_the_filter_is_not_believed"),
        ],
    ),
    ("BigCommerce", 4, &[("src/connectors/bigcommerce/wire_tests.rs", "guests_are_buyers_without_an_account")]),
    ("BigCommerce", 5, &[("tests/it/webhooks/registered.rs", "webhooks_that_the_store_switched_off_are_woken_daily")]),
    (
        "Magento",
        1,
        &[
            (
                "tests/it/magento_connector/answers.rs",
                "guest_subscribers_come_from_the_merchants_list_and_only_from_there",
            ),
            ("src/connectors/magento/wire_tests.rs", "a_no_of_the_flag_is_no_opt_out_by_itself"),
        ],
    ),
    (
        "Magento",
        2,
        &[
            ("tests/it/magento_connector/paging.rs", "an_incremental_pass_sweeps_accounts_that_did_not_change"),
            (
                "src/connectors/magento/position_tests.rs",
                "every_account_is_read_again_within_the_promised_number_of_passes",
            ),
            ("tests/it/contract/changes.rs", "an_opt_out_is_seen_by_the_next_incremental_pass_and_suppresses_nobody"),
        ],
    ),
    (
        "Magento",
        3,
        &[
            ("tests/it/magento_connector/paging.rs", "no_page_but_the_first_is_ever_asked_for"),
            ("src/connectors/magento/walk_tests.rs", "a_count_that_is_too_low_does_not_end_a_walk"),
            (
                "tests/it/magento_connector/paging.rs",
                "an_incremental_pass_asks_for_changes_by_two_sort_keys_and_a_time_the_shop_can_read",
            ),
        ],
    ),
    (
        "Magento",
        4,
        &[
            ("src/connectors/magento/client.rs", "a_space_goes_out_as_percent_twenty_and_brackets_encoded"),
            ("tests/it/magento_connector/check.rs", "a_token_that_is_refused_everywhere_may_not_be_switched_on"),
        ],
    ),
    (
        "Magento",
        5,
        &[
            (
                "tests/it/magento_connector/websites.rs",
                "one_address_on_two_websites_counts_for_each_account_as_its_own_website_says",
            ),
            (
                "tests/it/magento_connector/websites.rs",
                "on_one_website_the_list_is_believed_but_for_a_no_with_capitals",
            ),
        ],
    ),
    (
        "Magento",
        6,
        &[
            ("src/connectors/magento/walk_tests.rs", "a_shop_that_ignores_the_filter_is_not_believed"),
            (
                "tests/it/magento_connector/paging.rs",
                "an_incremental_pass_asks_for_changes_by_two_sort_keys_and_a_time_the_shop_can_read",
            ),
        ],
    ),
    (
        "Salesforce Commerce Cloud",
        1,
        &[
            ("tests/it/sfcc_connector/customers.rs", "a_date_that_is_no_longer_known_is_looked_for_anew"),
            ("tests/it/sfcc_connector/customers.rs", "everybody_is_read_once_a_day_even_where_changes_can_be_searched"),
            (
                "tests/it/sfcc_connector/customers.rs",
                "without_a_date_everybody_is_read_once_a_day_and_nothing_in_between",
            ),
        ],
    ),
    (
        "Salesforce Commerce Cloud",
        2,
        &[
            (
                "tests/it/sfcc_connector/customers.rs",
                "a_list_beyond_the_cap_is_read_in_halved_windows_and_nobody_is_left_out",
            ),
            (
                "tests/it/sfcc_connector/customers.rs",
                "more_profiles_of_one_moment_than_the_store_shows_are_an_error_and_no_end",
            ),
            (
                "tests/it/sfcc_connector/customers.rs",
                "a_list_that_no_date_divides_is_read_up_to_the_cap_and_refused_beyond",
            ),
        ],
    ),
    (
        "Salesforce Commerce Cloud",
        3,
        &[
            ("src/connectors/sfcc/wire_tests.rs", "the_guest_flag_alone_tells_a_guest"),
            ("src/connectors/sfcc/wire_tests.rs", "orders_that_were_not_placed_make_nobody_a_customer"),
            ("tests/it/sfcc_connector/orders.rs", "a_list_that_comes_newest_first_in_spite_of_being_asked_is_not_cut"),
        ],
    ),
    (
        "Salesforce Commerce Cloud",
        4,
        &[
            (
                "tests/it/sfcc_connector/access.rs",
                "a_token_is_asked_for_with_the_tenant_and_every_scope_and_sent_as_bearer",
            ),
            ("tests/it/sfcc_connector/connection.rs", "a_scope_that_a_token_silently_lacks_is_named_too"),
        ],
    ),
    (
        "Salesforce Commerce Cloud",
        5,
        &[
            ("src/connectors/sfcc/wire_tests.rs", "an_absent_attribute_is_not_a_no"),
            ("src/connectors/sfcc/wire_tests.rs", "an_address_is_optional_and_a_login_is_none"),
            ("src/connectors/sfcc/wire_tests.rs", "a_profile_is_known_by_its_customer_id_whatever_its_number"),
        ],
    ),
    (
        "Shopware",
        1,
        &[
            ("tests/it/shopware_connector/requests.rs", "what_changed_is_asked_for_by_either_date"),
            (
                "tests/it/shopware_connector/requests.rs",
                "every_search_has_page_limit_and_exact_total_and_asks_only_for_what_is_used",
            ),
            ("tests/it/shopware_connector/paging.rs", "a_shop_that_gives_fewer_rows_is_asked_for_fewer"),
        ],
    ),
    (
        "Shopware",
        2,
        &[
            ("src/connectors/shopware/wire_tests.rs", "only_the_status_of_a_newsletter_row_decides"),
            (
                "src/connectors/shopware/wire_tests.rs",
                "a_newsletter_row_is_no_customer_and_keeps_its_words_as_evidence",
            ),
            ("tests/it/shopware_connector/requests.rs", "the_chosen_sales_channels_bound_every_list"),
        ],
    ),
    (
        "Shopware",
        3,
        &[
            ("tests/it/shopware_connector/hooks.rs", "an_unsigned_delivery_is_known_by_the_token_in_its_address"),
            ("tests/it/shopware_connector/hooks.rs", "with_an_apps_secret_only_its_signature_counts"),
            ("tests/it/shopware_connector/hooks.rs", "each_topic_names_what_is_to_be_read_again"),
        ],
    ),
    (
        "Shopware",
        4,
        &[
            ("tests/it/shopware_connector/moved.rs", "an_incremental_pass_finds_the_row_at_its_customers_new_address"),
            (
                "tests/it/shopware_connector/synced.rs",
                "a_changed_address_takes_the_old_one_off_every_list_in_the_next_incremental_run",
            ),
            ("tests/it/shopware_connector/requests.rs", "guests_are_asked_for_only_with_an_order"),
        ],
    ),
    (
        "Shopware",
        5,
        &[
            ("tests/it/shopware_connector/access.rs", "a_token_is_asked_for_as_documented_and_outlives_its_connector"),
            ("tests/it/shopware_connector/access.rs", "those_who_need_a_token_at_the_same_time_share_one_call"),
            ("tests/it/shopware_connector/access.rs", "a_token_is_renewed_a_minute_before_its_end"),
            (
                "tests/it/shopware_connector/simulated.rs",
                "the_clouds_ten_token_calls_a_minute_are_enough_for_any_number_of_hints",
            ),
        ],
    ),
    (
        "WooCommerce",
        1,
        &[("tests/it/contract/changes.rs", "an_opt_out_is_seen_by_the_next_incremental_pass_and_suppresses_nobody")],
    ),
    (
        "WooCommerce",
        2,
        &[
            ("tests/it/woocommerce_connector/requests.rs", "every_parameter_is_one_of_the_vendors_and_fits_its_type"),
            ("tests/it/contract/population.rs", "another_time_zone_of_the_store_loses_nobody"),
        ],
    ),
    (
        "WooCommerce",
        3,
        &[
            ("src/connectors/woocommerce/walk_tests.rs", "an_unsorted_answer_is_not_believed"),
            (
                "tests/it/woocommerce_connector/simulated.rs",
                "account_holders_and_guest_buyers_are_found_and_nobody_else",
            ),
            ("src/connectors/woocommerce/wire_tests.rs", "a_customer_without_an_address_is_a_person_without_one"),
            (
                "tests/it/woocommerce_connector/paging.rs",
                "users_of_every_chosen_role_are_read_one_role_after_the_other",
            ),
        ],
    ),
    (
        "WooCommerce",
        4,
        &[("tests/it/woocommerce_recorded.rs", "a_list_ends_where_each_recorded_kind_of_store_says_so")],
    ),
    (
        "WooCommerce",
        5,
        &[(
            "src/connectors/woocommerce/wire_tests.rs",
            "a_customer_is_an_account_with_decoded_names_and_an_undated_flag",
        )],
    ),
    (
        "WooCommerce",
        6,
        &[
            ("src/connectors/woocommerce/client.rs", "over_http_the_request_is_signed_and_the_secret_stays_here"),
            ("src/connectors/woocommerce/client.rs", "over_https_the_credentials_are_in_a_header_that_is_never_shown"),
        ],
    ),
    (
        "WooCommerce",
        7,
        &[
            ("src/connectors/woocommerce/wire_tests.rs", "orders_that_are_nobody_are_skipped_with_their_reason"),
            (
                "src/connectors/woocommerce/wire_tests.rs",
                "a_guest_order_is_a_guest_whose_opt_in_is_as_old_as_the_order",
            ),
        ],
    ),
    (
        "WooCommerce",
        8,
        &[
            ("tests/it/webhooks/arriving.rs", "a_ping_and_an_error_document_do_no_harm"),
            ("tests/it/webhooks/registered.rs", "webhooks_that_the_store_switched_off_are_woken_daily"),
            ("src/connectors/woocommerce/hooks_tests.rs", "other_ports_than_wordpress_sends_to_are_named"),
            ("tests/it/webhooks/carried_out.rs", "a_deletion_takes_the_grounds_away"),
        ],
    ),
    (
        "WooCommerce",
        9,
        &[
            ("src/connectors/woocommerce/wire_tests.rs", "a_guest_order_that_says_nothing_has_no_time_of_saying_it"),
            ("src/connectors/woocommerce/wire_tests.rs", "an_explicit_no_at_checkout_is_a_dated_withdrawal"),
        ],
    ),
    ("WooCommerce", 10, &[("src/connectors/http/tests.rs", "a_store_is_asked_for_json_by_name")]),
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
    assert_eq!(table, listed);
}

#[test]
fn what_shows_a_trap_exists() {
    let files = rust_files();
    let tests: BTreeSet<(&str, &str)> = files
        .iter()
        .flat_map(|file| file.text.split("fn ").skip(1).map(|after| (file.path.as_str(), after)))
        .filter_map(|(path, after)| after.split_once('(').map(|(name, _)| (path, name)))
        .collect();
    let mut missing = Vec::new();
    for (platform, number, shown_by) in TRAPS {
        assert!(!shown_by.is_empty(), "{platform} {number}");
        let absent = shown_by.iter().filter(|test| !tests.contains(*test));
        missing.extend(absent.map(|(path, name)| format!("{platform} {number}: {name} in {path}")));
    }
    assert!(missing.is_empty(), "what is named and not there:\n{}", missing.join("\n"));
}
