//! Where Redis is, and connecting to it.

use std::sync::Arc;
use std::time::Duration;

use earmark_core::{check_server, shown_database};
use redis::aio::MultiplexedConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, PushInfo,
    RedisError, TlsMode,
};
use tokio::sync::Mutex;

use crate::LinkError;

/// How long connecting may take, and each answer. The library's own limit of half a second is short for a busy server.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hears what the server says unasked.
pub type OnPush = Arc<dyn Fn(&PushInfo) + Send + Sync>;

/// A Redis server, or the Sentinels that know where it is.
pub struct Link {
    place: String,
    route: Route,
}

enum Route {
    Server(Client),
    /// Asks anew at each connect: the primary may have moved.
    Sentinels(Mutex<SentinelClient>),
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Link {
    /// The Redis at `url`: `redis://`, `rediss://` or
    /// `redis+sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT/SERVICE[/DB]`. Does not connect.
    ///
    /// # Errors
    /// [`LinkError::Url`].
    pub fn parse(url: &str) -> Result<Self, LinkError> {
        let error = |why: String| LinkError::Url { url: shown_database(url), why };
        let library = |source: RedisError| error(source.to_string());
        // Of what reads in two ways a part of the password would be taken for a host, and said.
        check_server(url).map_err(|hint| error(hint.into()))?;
        for (scheme, plain, tls) in
            [("redis+sentinel://", "redis", None), ("rediss+sentinel://", "rediss", Some(TlsMode::Secure))]
        {
            let Some(rest) = url.strip_prefix(scheme) else { continue };
            let (hosts, path) = rest.split_once('/').ok_or_else(|| error("the service's name is missing".into()))?;
            let (login, hosts) = hosts.rsplit_once('@').map_or(("", hosts), |(login, hosts)| (login, hosts));
            let (service, db) = path.split_once('/').unwrap_or((path, ""));
            if service.is_empty() {
                return Err(error("the service's name is missing".into()));
            }
            let sentinels: Vec<_> = hosts
                .split(',')
                .map(|host| sentinel(host).ok_or_else(|| error(format!("`{host}` is not HOST:PORT"))))
                .collect::<Result<_, _>>()?;
            // The library knows how login and database are spelt.
            let at = if login.is_empty() { "" } else { "@" };
            let spelt = format!("{plain}://{login}{at}localhost/{db}").into_connection_info().map_err(library)?;
            let settings = spelt.redis_settings();
            let mut builder = SentinelClientBuilder::new(sentinels, service, SentinelServerType::Master)
                .map_err(library)?
                .set_client_to_redis_protocol(ProtocolVersion::RESP3)
                .set_client_to_redis_db(settings.db());
            if let Some(tls) = tls {
                builder = builder.set_client_to_redis_tls_mode(tls);
            }
            if let Some(username) = settings.username() {
                builder = builder.set_client_to_redis_username(username);
            }
            if let Some(password) = settings.password() {
                builder = builder.set_client_to_redis_password(password);
            }
            let client = builder.build().map_err(library)?;
            return Ok(Self { place: format!("{hosts} ({service})"), route: Route::Sentinels(Mutex::new(client)) });
        }
        let info: ConnectionInfo = url.into_connection_info().map_err(library)?;
        // Over the newer protocol the server may speak unasked: calls and wake-ups share one connection.
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let info = info.set_redis_settings(settings);
        let place = info.addr().to_string();
        Ok(Self { place, route: Route::Server(Client::open(info).map_err(library)?) })
    }

    /// For people, without the password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether Sentinels are asked where the primary is.
    pub(crate) fn follows_the_primary(&self) -> bool {
        matches!(self.route, Route::Sentinels(_))
    }

    /// What Redis said, with its place.
    pub fn error(&self, source: RedisError) -> LinkError {
        LinkError::Redis { place: self.place.clone(), source }
    }

    /// A new connection. Each answer may take two seconds, and `blocking` longer for those who let the server wait.
    ///
    /// # Errors
    /// [`LinkError::Redis`].
    pub async fn connect(
        &self,
        blocking: Duration,
        on_push: Option<OnPush>,
    ) -> Result<MultiplexedConnection, LinkError> {
        let mut config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE + blocking));
        if let Some(on_push) = on_push {
            config = config.set_push_sender(move |push: PushInfo| {
                on_push(&push);
                Ok::<(), redis::aio::SendError>(())
            });
        }
        let connection = match &self.route {
            Route::Server(client) => client.get_multiplexed_async_connection_with_config(&config).await,
            Route::Sentinels(client) => client.lock().await.get_async_connection_with_config(&config).await,
        };
        connection.map_err(|source| self.error(source))
    }
}

fn sentinel(host: &str) -> Option<ConnectionAddr> {
    let (host, port) = host.rsplit_once(':').unwrap_or((host, "26379"));
    (!host.is_empty()).then_some(())?;
    Some(ConnectionAddr::Tcp(host.trim_matches(['[', ']']).into(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_server_or_sentinels_and_hide_their_passwords() {
        let cases = [
            ("redis://localhost", Ok("localhost:6379")),
            ("rediss://:secret@cache.example:6380/2", Ok("cache.example:6380")),
            ("redis+sentinel://:secret@a:1,b:2/primary/3", Ok("a:1,b:2 (primary)")),
            ("rediss+sentinel://a,b/primary", Ok("a,b (primary)")),
            ("redis+sentinel://a:1", Err("redis+sentinel://a:1")),
            ("redis+sentinel://u:secret@a:x/primary", Err("redis+sentinel:…")),
            ("redis+sentinel://:secr/et@a:1/primary", Err("redis+sentinel:…")),
            ("redis://:secr#et@a/0", Err("redis:…")),
            ("redis+sentinel://a:1/primary/x", Err("redis+sentinel://a:1/primary/x")),
            ("http://u:secret@localhost", Err("http://localhost")),
        ];
        for (url, expected) in cases {
            match (Link::parse(url), expected) {
                (Ok(link), Ok(place)) => assert_eq!(link.place(), place),
                (Err(LinkError::Url { url: shown, why }), Err(expected)) => {
                    assert_eq!(shown, expected);
                    assert!(!why.contains("secr"), "{why}");
                }
                (result, _) => panic!("{url}: {result:?}"),
            }
        }
    }
}
