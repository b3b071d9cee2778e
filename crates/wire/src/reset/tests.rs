//! The grammar of waits.

use super::*;

/// 2026-01-02 03:04:05 UTC.
const NOW: u64 = 1_767_323_045_000;

fn waited(headers: &[(&str, &str)]) -> Option<Duration> {
    let look_up = |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value);
    retry_after(Headers::new(&look_up), NOW)
}

fn reset(headers: &[(&str, &str)]) -> Option<Duration> {
    let look_up = |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value);
    bucket_reset(Headers::new(&look_up), NOW)
}

fn ms(value: u64) -> Option<Duration> {
    Some(Duration::from_millis(value))
}

#[test]
fn retry_after_is_read_in_every_form() {
    assert_eq!(waited(&[("retry-after", "20")]), ms(20_000));
    assert_eq!(waited(&[("retry-after", " 0.5 ")]), ms(500));
    assert_eq!(waited(&[("retry-after-ms", "1500"), ("retry-after", "9")]), ms(1_500));
    assert_eq!(waited(&[("x-ms-retry-after-ms", "12")]), ms(12));
    assert_eq!(waited(&[("x-amz-retry-after", "250")]), ms(250));
    for date in ["Fri, 02 Jan 2026 03:04:35 GMT", "Friday, 02-Jan-26 03:04:35 GMT", "Fri Jan  2 03:04:35 2026"] {
        assert_eq!(waited(&[("retry-after", date)]), ms(30_000), "{date}");
    }
}

#[test]
fn a_date_counts_from_the_replys_own_clock() {
    let headers = [("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")];
    assert_eq!(waited(&headers), ms(60_000));
}

#[test]
fn nonsense_is_no_wait() {
    for value in
        ["", "-5", "0", "soon", "NaN", "inf", "1e400", "Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 99 Jan 2026 03:04:05 GMT"]
    {
        assert_eq!(waited(&[("retry-after", value)]), None, "{value}");
    }
    assert_eq!(waited(&[("retry-after-ms", "soon"), ("retry-after", "3")]), ms(3_000), "the next header is asked");
}

#[test]
fn a_wait_is_cut_to_a_day() {
    assert_eq!(waited(&[("retry-after", "99999999999")]), Some(MAX_WAIT));
}

#[test]
fn reset_values_are_read_in_every_form() {
    let tokens = |value| reset(&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", value)]);
    assert_eq!(tokens("12ms"), ms(12));
    assert_eq!(tokens("1.57s"), ms(1_570));
    assert_eq!(tokens("6m0s"), ms(360_000));
    assert_eq!(tokens("2m59.56s"), ms(179_560));
    assert_eq!(tokens("1h2m3s"), ms(3_723_000));
    assert_eq!(tokens("1d"), ms(86_400_000));
    assert_eq!(tokens("500µs"), Some(Duration::from_micros(500)));
    assert_eq!(tokens("59"), ms(59_000));
    assert_eq!(tokens("0.25"), ms(250));
    assert_eq!(tokens("1767323105"), ms(60_000));
    assert_eq!(tokens("1767323046500"), ms(1_500));
    assert_eq!(tokens("2026-01-02T03:05:05Z"), ms(60_000));
    assert_eq!(tokens("2026-01-02T04:05:05.5+01:00"), ms(60_500));
    for nonsense in ["-1", "", "5x", "m", "s5", "2026-13-02T03:05:05Z", "1767323000"] {
        assert_eq!(tokens(nonsense), None, "{nonsense}");
    }
}

#[test]
fn only_used_up_buckets_count_and_the_longest_wins() {
    let mut headers = vec![
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "1s"),
        ("x-ratelimit-remaining-tokens", "3"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    assert_eq!(reset(&headers), ms(1_000));
    headers[2].1 = "0";
    assert_eq!(reset(&headers), ms(360_000));
    assert_eq!(reset(&[("x-ratelimit-reset", "9")]), None, "nothing says that it is used up");
    assert_eq!(reset(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9")]), ms(9_000));
}

#[test]
fn a_message_may_name_the_wait() {
    let spoken = |text| spoken_wait(text).map(|(_, wait)| wait);
    assert_eq!(spoken("Limit 3. Please try again in 20s. Visit x"), ms(20_000));
    assert_eq!(spoken("Please try again in 7m12s."), ms(432_000));
    assert_eq!(spoken("please try again in 180ms"), ms(180));
    assert_eq!(spoken("Please retry after 26 seconds."), ms(26_000));
    assert_eq!(spoken("Try again in 1 minute and 5 seconds"), ms(65_000));
    assert_eq!(spoken("Retry in 34.074824224s"), Some(Duration::from_nanos(34_074_824_224)));
    for none in ["try again later", "try again in a moment", "20s", "try again in 0s"] {
        assert_eq!(spoken(none), None, "{none}");
    }
    assert_eq!(
        spoken_wait("So: please try again in 2s, ok?").unwrap().0.trim_end_matches([',', ' ']),
        "try again in 2s"
    );
}

proptest::proptest! {
    #[test]
    fn no_value_makes_the_grammar_panic(value in "\\PC{0,40}", number in "[0-9.eE+-]{0,30}[smhd µ:]{0,3}") {
        for value in [value, number] {
            let headers = [
                ("date", value.as_str()),
                ("retry-after", &value),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", &value),
            ];
            let within = |wait: Option<Duration>| wait.is_none_or(|wait| wait <= MAX_WAIT);
            proptest::prop_assert!(within(waited(&headers)) && within(reset(&headers)));
            let _ = spoken_wait(&format!("try again in {value}"));
        }
    }
}
