//! Numbers in all spellings: the digit that a character stands for, and what a number said with units comes to.

use crate::numbers::wide;

/// The digit that `c` (simplified, narrow) stands for when read out one by one.
pub(crate) fn digit(c: char) -> Option<char> {
    let digit = match c {
        '0'..='9' => c,
        '①'..='⑨' => char::from_u32(u32::from(c) - u32::from('①') + u32::from('1'))?,
        '⑴'..='⑼' => char::from_u32(u32::from(c) - u32::from('⑴') + u32::from('1'))?,
        '⒈'..='⒐' => char::from_u32(u32::from(c) - u32::from('⒈') + u32::from('1'))?,
        '❶'..='❾' => char::from_u32(u32::from(c) - u32::from('❶') + u32::from('1'))?,
        '⓪' | '⓿' | '〇' | '零' => '0',
        '一' | '壹' | '弌' | '幺' => '1',
        '二' | '贰' | '弍' | '两' => '2',
        '三' | '叁' | '叄' | '弎' => '3',
        '四' | '肆' => '4',
        '五' | '伍' => '5',
        '六' | '陆' => '6',
        '七' | '柒' => '7',
        '八' | '捌' => '8',
        '九' | '玖' => '9',
        _ => return None,
    };
    Some(digit)
}

/// What the unit `c` counts in; none for what is no unit.
pub(crate) fn unit(c: char) -> Option<u64> {
    match c {
        '十' | '拾' => Some(10),
        '百' | '佰' => Some(100),
        '千' | '仟' => Some(1_000),
        '万' => Some(10_000),
        '亿' => Some(100_000_000),
        _ => None,
    }
}

/// One character of a number, folded: numerals stand as the digit that they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sign {
    /// A digit, a unit, or `.` for the point.
    pub(crate) c: char,
    /// Whether it was written in digits and not in Chinese.
    pub(crate) is_arabic: bool,
}

/// The number that `signs` say, in digits, with `.` for the point; none when nothing is said with units, or no number
/// (千万 is also "by all means", 二三十 is twenty or thirty).
pub(crate) fn amount(signs: &[Sign]) -> Option<String> {
    let point = signs.iter().position(|sign| sign.c == '.');
    let Some(point) = point else { return whole(signs).map(|value| value.to_string()) };
    let (before, after) = (&signs[..point], &signs[point + 1..]);
    let decimals: String = after.iter().take_while(|sign| sign.c.is_ascii_digit()).map(|sign| sign.c).collect();
    let units = &after[decimals.len()..];
    let has_units = before.iter().any(|sign| unit(sign.c).is_some());
    if before.is_empty() || decimals.is_empty() {
        return None;
    }
    let ones = if has_units { whole(before)? } else { plain(before)? };
    if units.is_empty() {
        return Some(format!("{ones}.{decimals}"));
    }
    // 2.5万: the point moves to the right by the unit's zeros.
    let factor = units.iter().try_fold(1_u64, |factor, sign| factor.checked_mul(unit(sign.c)?))?;
    let places = wide(factor.ilog10());
    if has_units || decimals.len() > places {
        return None;
    }
    let shifted = plain_text(&decimals)?.checked_mul(10_u64.pow(u32::try_from(places - decimals.len()).ok()?))?;
    ones.checked_mul(factor)?.checked_add(shifted).map(|value| value.to_string())
}

fn plain(signs: &[Sign]) -> Option<u64> {
    plain_text(&signs.iter().map(|sign| sign.c).collect::<String>())
}

fn plain_text(digits: &str) -> Option<u64> {
    // A leading zero is part of a number that is read out, and lost in an amount.
    if digits.len() > 1 && digits.starts_with('0') && digits.chars().any(|c| c != '0') && digits.len() > 15 {
        return None;
    }
    digits.parse().ok()
}

/// A number with units and without a point.
fn whole(signs: &[Sign]) -> Option<u64> {
    let mut total = 0_u64;
    // Below the next 万 or 亿.
    let mut section = 0_u64;
    let mut last_unit = 0_u64;
    let mut at = 0;
    let mut has_unit = false;
    while at < signs.len() {
        let digits = signs[at..].iter().take_while(|sign| sign.c.is_ascii_digit()).count();
        let run = &signs[at..at + digits];
        let unit_at = signs.get(at + digits).map(|sign| unit(sign.c));
        at += digits;
        match unit_at {
            Some(Some(unit)) => {
                has_unit = true;
                at += 1;
                let is_group = unit >= 10_000;
                let count = count(run, is_group)?;
                if is_group {
                    let count = if digits == 0 { None } else { Some(count) };
                    let group = section.checked_add(count.unwrap_or(0))?;
                    let below = if unit > last_group(total) { total } else { 0 };
                    if group == 0 && below == 0 {
                        return None;
                    }
                    // 一万亿: what stands before a larger unit is multiplied as a whole.
                    total = if below > 0 {
                        total.checked_add(group)?.checked_mul(unit)?
                    } else {
                        total.checked_add(group.checked_mul(unit)?)?
                    };
                    section = 0;
                } else {
                    let count = match (digits, unit, section) {
                        (0, 10, 0) => 1,
                        (0, ..) => return None,
                        _ => count,
                    };
                    if section > 0 && unit >= last_unit {
                        return None;
                    }
                    section = section.checked_add(count.checked_mul(unit)?)?;
                }
                last_unit = unit;
            }
            _ => {
                // The end: the ones (零五, 五), or 五 of 三万五.
                if at < signs.len() {
                    return None;
                }
                let value = plain(run)?;
                let is_short = digits == 1 && last_unit >= 100 && run[0].c != '0' && !run[0].is_arabic;
                let most = if last_unit >= 10_000 { 4 } else { usize::try_from(last_unit.max(1).ilog10()).ok()? };
                if digits > most {
                    return None;
                }
                section = section.checked_add(if is_short { value * (last_unit / 10) } else { value })?;
            }
        }
    }
    has_unit.then_some(())?;
    total.checked_add(section)
}

/// The largest of 万 and 亿 that `total` reaches.
fn last_group(total: u64) -> u64 {
    match total {
        0 => u64::MAX,
        1..100_000_000 => 10_000,
        _ => 100_000_000,
    }
}

/// How many of a unit: one Chinese numeral (after 零, if any), or a number in digits.
fn count(run: &[Sign], is_group: bool) -> Option<u64> {
    let run = match run {
        [zero, rest @ ..] if zero.c == '0' && !zero.is_arabic && !rest.is_empty() => rest,
        _ => run,
    };
    let is_arabic = run.iter().all(|sign| sign.is_arabic);
    match run.len() {
        0 => Some(0),
        1 => plain(run),
        _ if is_arabic || (is_group && run[0].c != '0' && run.len() > 3) => plain(run),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        let signs: Vec<Sign> = text
            .chars()
            .map(|c| Sign { c: digit(c).unwrap_or(if c == '点' { '.' } else { c }), is_arabic: c.is_ascii() })
            .collect();
        amount(&signs)
    }

    #[test]
    fn a_number_said_with_units_is_a_number_in_digits() {
        for (text, amount) in [
            ("十", "10"),
            ("十二", "12"),
            ("二十", "20"),
            ("一百二十", "120"),
            ("一百二", "120"),
            ("一百零二", "102"),
            ("一百一十五", "115"),
            ("三万", "30000"),
            ("三万五", "35000"),
            ("三万零五百", "30500"),
            ("两千三", "2300"),
            ("十万", "100000"),
            ("一千万", "10000000"),
            ("三千二百万", "32000000"),
            ("一亿两千万", "120000000"),
            ("一万亿", "1000000000000"),
            ("3万", "30000"),
            ("120万", "1200000"),
            ("3千5百", "3500"),
            ("2点5万", "25000"),
            ("二点五", "2.5"),
            ("十二点五", "12.5"),
        ] {
            assert_eq!(said(text).as_deref(), Some(amount), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_with_units_stays_as_it_is() {
        for text in
            ["千万", "百", "二三十", "一二三", "百万", "万一", "十十", "九九九九九九九九九九九九九九九九九九九亿"]
        {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
