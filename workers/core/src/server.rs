//! Addresses of servers, which may hold passwords and tokens: what of them may be shown.
//!
//! The rule is to show what was proven harmless, not to hide what was found to be a secret: a password with `#`, `/` or
//! `@` in it makes an address that reads otherwise than it was meant, and there is nothing in it to find.

/// What to do about an address that cannot be read in one way only.
pub const SERVER_HINT: &str = "in a user's name and a password write # as %23, / as %2F, @ as %40, ? as %3F, % as %25; and no quotes around the whole";

/// `address` as it may be shown: scheme, hosts and ports; `/…` stands for all that follows. What cannot be read is its
/// scheme and `…`.
pub fn shown_server(address: &str) -> String {
    match Parts::of(address) {
        Some(parts) => format!("{}{}", parts.origin(), if matches!(parts.tail, "" | "/") { "" } else { "/…" }),
        None => unreadable(address),
    }
}

/// `address` of a database as it may be shown: as [`shown_server`], and the database's name or number, and PostgreSQL's
/// role; of `sqlite:` its file.
pub fn shown_database(address: &str) -> String {
    if let Some(file) = address
        .strip_prefix("sqlite:")
        .filter(|file| !(file.contains("://") || file.starts_with("//") && file.contains('@')))
    {
        return match file.split_once('?') {
            Some((file, "mode=rwc")) => format!("sqlite:{file}?mode=rwc"),
            Some((file, _)) => format!("sqlite:{file}?…"),
            None => address.into(),
        };
    }
    let Some(parts) = Parts::of(address) else { return unreadable(address) };
    let (path, rest) = parts.tail.find(['?', '#']).map_or((parts.tail, ""), |at| parts.tail.split_at(at));
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let path = if path.split('/').all(is_name) { path } else { "/…" };
    format!("{}{path}{}", parts.origin_with_role(), if rest.is_empty() { "" } else { "?…" })
}

/// Whether `address` of a database or a queue, `scheme://[LOGIN@]HOSTS[/NAME][?SETTINGS]`, reads in one way only.
///
/// # Errors
/// What to do, when it does not.
pub fn check_server(address: &str) -> Result<(), &'static str> {
    // A setting may have an @ in its value; nothing else behind the hosts has one.
    let (name, settings) = address.split_once('?').unwrap_or((address, ""));
    let is_setting = |text: &str| text.split_once('@').is_none_or(|(before, _)| before.contains('='));
    match Parts::of(name) {
        Some(_) if !address.contains('#') && !address.contains(is_stray) && settings.split('&').all(is_setting) => {
            Ok(())
        }
        Some(_) | None => Err(SERVER_HINT),
    }
}

/// What stands in no address.
fn is_stray(character: char) -> bool {
    character.is_control() || character.is_whitespace() || matches!(character, '"' | '\'' | '\\' | '`' | '<' | '>')
}

/// An address that reads in one way only.
struct Parts<'a> {
    scheme: Option<&'a str>,
    /// Before the first colon of the login.
    user: &'a str,
    hosts: &'a str,
    /// From the first `/`, `?` or `#` behind the hosts on.
    tail: &'a str,
}

impl<'a> Parts<'a> {
    fn of(address: &'a str) -> Option<Self> {
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme, rest)) => (Some(scheme).filter(|scheme| is_scheme(scheme))?.into(), rest),
            None => (None, address),
        };
        let (authority, tail) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
        let (login, hosts) =
            authority.rsplit_once('@').map_or((None, authority), |(login, hosts)| (Some(login), hosts));
        let user = login.map_or("", |login| login.split_once(':').map_or(login, |(user, _)| user));
        // An @ behind the hosts is the end of a login, of which a part was taken for the hosts.
        if tail.contains('@') || rest.contains(is_stray) || !hosts.split(',').all(is_host) {
            return None;
        }
        // Without a scheme anything may be meant: only what is plainly the name of a host is one.
        (scheme.is_some() || (login.is_none() && has_domain(hosts))).then_some(Self { scheme, user, hosts, tail })
    }

    fn origin(&self) -> String {
        self.scheme.map_or_else(|| self.hosts.to_owned(), |scheme| format!("{scheme}://{}", self.hosts))
    }

    /// With the role of a PostgreSQL, which is no secret: most refusals are about it. Elsewhere people write a password or
    /// a token there.
    fn origin_with_role(&self) -> String {
        let is_role = !self.user.is_empty() && self.user.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        match self.scheme {
            Some(scheme @ ("postgres" | "postgresql")) if is_role => format!("{scheme}://{}@{}", self.user, self.hosts),
            Some(_) | None => self.origin(),
        }
    }
}

fn unreadable(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, _)) if is_scheme(scheme) => format!("{scheme}:…"),
        Some(_) | None => "…".into(),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.len() <= 16
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'+')
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`, or nothing, which is this machine.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let is_port = |port: &str| !host.is_empty() && port.parse::<u16>().is_ok();
    let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '%'));
    let is_address = |inner: &str| inner.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    port.is_none_or(is_port) && inner.map_or_else(|| is_name(host), is_address)
}

/// Whether it ends as domains do; a provider's key has a dot, too.
fn has_domain(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_top = |top: &str| (2..=8).contains(&top.len()) && top.bytes().all(|byte| byte.is_ascii_lowercase());
    name == "localhost" || name.rsplit_once('.').is_some_and(|(_, top)| is_top(top))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_server_nothing_is_shown_that_may_be_a_secret() {
        for (address, server, database) in [
            ("redis://:s3cr#et-1@redis.example.org/0", "redis:…", "redis:…"),
            ("postgres://earmark:s3cr/et-2@db.example.org/earmark", "postgres:…", "postgres:…"),
            // What the wrong half of it would spell.
            ("postgres://earmark:1234/et-2@db.example.org/earmark", "postgres:…", "postgres:…"),
            ("redis://:1234#et@host/0", "redis:…", "redis:…"),
            ("redis://u:1234?et@host/0", "redis:…", "redis:…"),
            ("redis://u:s3cr@et@host:6380/0", "redis://host:6380/…", "redis://host:6380/0"),
            ("\"redis://:s3cret@redis.example.org/0\"", "…", "…"),
            ("'https://hooks.example.org/in?token=s3cret'", "…", "…"),
            ("redis://:s3cr\"et@host\"/0", "redis:…", "redis:…"),
            (
                "https://hooks.example.org/in?token=s3cret-3",
                "https://hooks.example.org/…",
                "https://hooks.example.org/in?…",
            ),
            ("https://hooks.example.org", "https://hooks.example.org", "https://hooks.example.org"),
            ("https://hooks.example.org/", "https://hooks.example.org", "https://hooks.example.org/"),
            ("https://s3cret@example.org/x#y", "https://example.org/…", "https://example.org/x?…"),
            ("hooks.example.org/s3cret", "hooks.example.org/…", "hooks.example.org/s3cret"),
            ("0123456789abcdef.S3cret", "…", "…"),
            ("u:s3cret@host", "…", "…"),
            ("s3cret", "…", "…"),
            ("redis://:s3cret", "redis:…", "redis:…"),
            ("redis://:1234", "redis:…", "redis:…"),
            ("mysql://x", "mysql://x", "mysql://x"),
            (
                "redis+sentinel://:s3cret@a:1,b:2/primary/3",
                "redis+sentinel://a:1,b:2/…",
                "redis+sentinel://a:1,b:2/primary/3",
            ),
            ("redis+sentinel://:s3cr/et@a:1,b/primary", "redis+sentinel:…", "redis+sentinel:…"),
            (
                "postgres://me:s3cret@[::1]:5433/e?password=s3cret",
                "postgres://[::1]:5433/…",
                "postgres://me@[::1]:5433/e?…",
            ),
            ("postgres://T0ken@h/e", "postgres://h/…", "postgres://h/e"),
            ("postgres:///e?host=/run/postgresql", "postgres:///…", "postgres:///e?…"),
            ("sqlite:a@b.sqlite", "…", "sqlite:a@b.sqlite"),
            ("sqlite:///srv/e.sqlite?mode=rwc", "sqlite:///…", "sqlite:///srv/e.sqlite?mode=rwc"),
            ("sqlite://u:s3cret@host/e", "sqlite://host/…", "sqlite://host/e"),
            ("", "…", "…"),
        ] {
            assert_eq!((shown_server(address), shown_database(address)), (server.into(), database.into()), "{address}");
        }
    }

    #[test]
    fn an_address_that_reads_in_two_ways_is_refused_with_what_to_write() {
        for wrong in [
            "redis://:s3cr#et-1@redis.example.org/0",
            "postgres://earmark:s3cr/et-2@db.example.org/earmark",
            "postgres://earmark:1234/et-2@db.example.org/earmark",
            "redis://u:12?x@host",
            "redis://host/0#1",
            "redis://:x@host/0\"",
            "redis://host:port/0",
        ] {
            let hint = check_server(wrong).err().unwrap_or_else(|| panic!("{wrong}"));
            assert!(["%23", "%2F", "%40"].iter().all(|sign| hint.contains(sign)), "{hint}");
        }
        for right in [
            "redis://:s3cr%23et@redis.example.org:6380/0",
            "redis://:pa@ss@host/0",
            "postgres://u%40e:x@db.example.org/e?sslmode=require&user=me@azure",
            "postgres:///e?host=/run/postgresql",
            "redis+sentinel://:x@a:1,b/primary/0",
            "rediss://[::1]:6379",
        ] {
            assert_eq!(check_server(right), Ok(()), "{right}");
        }
    }
}
