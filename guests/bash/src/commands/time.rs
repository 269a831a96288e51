//! Times of files as `ls` and `stat` print them, in UTC as the box has no zone
//! files.

use std::time::{SystemTime, UNIX_EPOCH};

pub const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

pub struct Civil {
    pub year: i64,
    /// 1 to 12.
    pub month: usize,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub nanosecond: u32,
}

/// Seconds and nanoseconds since 1970, rounded down before it.
pub fn since_epoch(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => (since.as_secs() as i64, since.subsec_nanos()),
        Err(before) => match (
            before.duration().as_secs() as i64,
            before.duration().subsec_nanos(),
        ) {
            (seconds, 0) => (-seconds, 0),
            (seconds, nanos) => (-seconds - 1, 1_000_000_000 - nanos),
        },
    }
}

pub fn civil(time: SystemTime) -> Civil {
    let (seconds, nanosecond) = since_epoch(time);
    let of_day = seconds.rem_euclid(86_400);
    // Days of a calendar that begins in March of year 0, in eras of 400 years.
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    Civil {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month: month as usize,
        day: of_year - (153 * from_march + 2) / 5 + 1,
        hour: of_day / 3600,
        minute: of_day / 60 % 60,
        second: of_day % 60,
        nanosecond,
    }
}

/// `2024-02-29 12:34:56.123456789 +0000`
pub fn full(time: SystemTime) -> String {
    let at = civil(time);
    format!("{} {}.{:09} +0000", date(&at), clock(&at), at.nanosecond)
}

pub fn date(at: &Civil) -> String {
    format!("{:04}-{:02}-{:02}", at.year, at.month, at.day)
}

pub fn clock(at: &Civil) -> String {
    format!("{:02}:{:02}:{:02}", at.hour, at.minute, at.second)
}

const HALF_YEAR_SECONDS: i64 = 31_556_952 / 2; /* as ls: half a Gregorian year */

/// As `ls -l`: the clock of what is recent, the year of what is not.
pub fn listed(time: SystemTime, now: SystemTime) -> String {
    let at = civil(time);
    let age = since_epoch(now).0 - since_epoch(time).0;
    let (month, day) = (MONTHS[at.month - 1], at.day);
    match (0..HALF_YEAR_SECONDS).contains(&age) {
        true => format!("{month} {day:>2} {:02}:{:02}", at.hour, at.minute),
        false => format!("{month} {day:>2} {:>5}", at.year),
    }
}

/// `drwxr-xr-x`
pub fn permissions(kind: bashkit::FileType, mode: u32) -> String {
    let mut text = String::with_capacity(10);
    text.push(match kind {
        bashkit::FileType::Directory => 'd',
        bashkit::FileType::Symlink => 'l',
        bashkit::FileType::Fifo => 'c',
        bashkit::FileType::File => '-',
    });
    for (place, (special, letter)) in [(0o4000, 's'), (0o2000, 's'), (0o1000, 't')]
        .into_iter()
        .enumerate()
    {
        let bits = mode >> (6 - 3 * place) & 7;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}
