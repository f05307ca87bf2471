//! When an account goes on by itself: the instant in a provider's message.

use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

/// What the provider's instants mean where they do not say: Beijing's time.
const BEIJING: UtcOffset = match UtcOffset::from_hms(8, 0, 0) {
    Ok(offset) => offset,
    Err(_) => UtcOffset::UTC,
};

/// An instant that lies so little behind is not somebody's memory of another one …
const JUST_PAST_MS: i64 = 3_600_000;
/// … but means soon.
const LOOK_AGAIN_MS: i64 = 60_000;

/// The first date and time of `message` that lies after `now_ms`, in milliseconds since the epoch: `2026-11-23 08:00:00`,
/// `2026/11/23 08:00`, `2026年11月23日 08:00`, `2026-11-23T00:00:00Z` and the like. A date alone is its midnight.
pub(super) fn resume_ms(message: &str, now_ms: i64) -> Option<i64> {
    let starts = message.char_indices().filter(|(at, character)| {
        character.is_ascii_digit() && !message[..*at].ends_with(|before: char| before.is_ascii_digit())
    });
    let instants: Vec<i64> = starts.filter_map(|(at, _)| instant_ms(&message[at..])).collect();
    let ahead = instants.iter().find(|instant_ms| **instant_ms > now_ms).copied();
    // An answer that was under way when the hour struck, or a clock that differs.
    let just_past = || instants.iter().any(|instant_ms| now_ms - instant_ms < JUST_PAST_MS);
    ahead.or_else(|| just_past().then_some(now_ms + LOOK_AGAIN_MS))
}

/// The instant that `text` begins with.
fn instant_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let year = digits(&mut rest, 4, 4)?;
    let separator = one_of(&mut rest, &['-', '/', '年'])?;
    let month = digits(&mut rest, 1, 2)?;
    one_of(&mut rest, if separator == '年' { &['月'] } else { &['-', '/'] })?;
    let day = digits(&mut rest, 1, 2)?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    one_of(&mut rest, &['日']);
    let (time, offset) = clock_time(rest).unwrap_or((Time::MIDNIGHT, BEIJING));
    let instant = PrimitiveDateTime::new(date, time).assume_offset(offset);
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).ok()
}

/// `08:00`, `T08:00:00.000Z`, ` 08:00:00+09:00`.
fn clock_time(text: &str) -> Option<(Time, UtcOffset)> {
    let mut rest = text.trim_start();
    one_of(&mut rest, &['T', 't']);
    let hour = digits(&mut rest, 1, 2)?;
    one_of(&mut rest, &[':', '：', '时'])?;
    let minute = digits(&mut rest, 2, 2)?;
    let mut second = 0;
    if one_of(&mut rest, &[':', '：', '分']).is_some() {
        second = digits(&mut rest, 2, 2).unwrap_or(0);
        if one_of(&mut rest, &['.']).is_some() {
            // Parts of a second do not matter to anybody who waits.
            rest = rest.trim_start_matches(|character: char| character.is_ascii_digit());
        }
    }
    let part = |value: u32| u8::try_from(value).ok();
    Some((Time::from_hms(part(hour)?, part(minute)?, part(second)?).ok()?, offset(rest).unwrap_or(BEIJING)))
}

/// `Z`, ` UTC`, `+08:00`, `+0800`.
fn offset(text: &str) -> Option<UtcOffset> {
    let mut rest = text.trim_start();
    if rest.starts_with("UTC") || rest.starts_with("GMT") {
        return Some(offset(&rest[3..]).unwrap_or(UtcOffset::UTC));
    }
    let sign = one_of(&mut rest, &['Z', 'z', '+', '-'])?;
    if matches!(sign, 'Z' | 'z') {
        return Some(UtcOffset::UTC);
    }
    let hours = i8::try_from(digits(&mut rest, 1, 2)?).ok()?;
    one_of(&mut rest, &[':']);
    let minutes = digits(&mut rest, 2, 2).and_then(|minutes| i8::try_from(minutes).ok()).unwrap_or(0);
    let factor = if sign == '-' { -1 } else { 1 };
    UtcOffset::from_hms(factor * hours, factor * minutes, 0).ok()
}

/// Takes `least` to `most` digits off the front.
fn digits(rest: &mut &str, least: usize, most: usize) -> Option<u32> {
    let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    let (number, after) = rest.split_at(count);
    *rest = after;
    number.parse().ok()
}

/// Takes one of `characters` off the front.
fn one_of(rest: &mut &str, characters: &[char]) -> Option<char> {
    let first = rest.chars().next().filter(|first| characters.contains(first))?;
    *rest = &rest[first.len_utf8()..];
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_a_limit_ends_is_read_out_of_the_message() {
        // 2026-11-22 12:00:00 UTC.
        let now_ms = 1_795_348_800_000;
        let minutes = |minutes: i64| Some(now_ms + minutes * 60_000);
        let cases = [
            ("已达到 5 小时的使用上限。您的限额将在 2026-11-23 08:00:00 重置", minutes(12 * 60)),
            ("您的限额将在2026-11-22 20:30:00重置", minutes(30)),
            ("Your limit will reset at 2026-11-23 08:00:00", minutes(12 * 60)),
            ("reset at 2026-11-22T13:00:00Z", minutes(60)),
            ("reset at 2026-11-22T13:00:00.250+00:00.", minutes(60)),
            ("reset at 2026-11-22 13:00 UTC", minutes(60)),
            ("reset at 2026-11-22 22:00 UTC+8", minutes(120)),
            ("reset at 2026-11-22 07:00:00-0700", minutes(120)),
            ("将在2026年11月23日 8:00重置", minutes(12 * 60)),
            ("将在2026年11月23日08时30分重置", minutes(12 * 60 + 30)),
            ("将在 2026/11/24 重置", minutes(28 * 60)),
            ("从 2026-11-20 00:00:00 到 2026-11-23 00:00:00 的限额", minutes(4 * 60)),
            ("错误 12026-11-23，2026-13-40 00:00", None),
            ("您的限额已在 2026-11-21 08:00:00 重置", None),
            ("您的账户已欠费，请充值后重试", None),
            ("2026-11-23 25:99", minutes(4 * 60)),
            ("", None),
        ];
        for (message, expected) in cases {
            assert_eq!(resume_ms(message, now_ms), expected, "{message}");
        }
    }
}
