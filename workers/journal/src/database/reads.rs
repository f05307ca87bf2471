//! Reading: each statement on a connection of its own.

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, Either, Execute, Executor, SqlStr};

use super::link::{Answer, Asked};
use super::pool::Pool;

impl Pool {
    async fn ask(&self, asked: Result<Asked, sqlx::Error>) -> Result<Answer, sqlx::Error> {
        self.acquire().await?.ask(asked?).await
    }
}

impl<'p> Executor<'p> for &'p Pool {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let asked = Asked::of(query);
        stream::once(self.ask(asked)).map_ok(|all| stream::iter(all.into_iter().map(Ok))).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let asked = Asked::of(query);
        Box::pin(async move { Ok(self.ask(asked).await?.into_iter().find_map(Either::right)) })
    }

    fn prepare_with<'e>(self, _: SqlStr, _: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        let never = sqlx::Error::InvalidArgument("statements are prepared where they are run".into());
        Box::pin(std::future::ready(Err(never)))
    }
}
