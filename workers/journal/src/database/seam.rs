//! Where tests put faults: real ones, on the connection of the statement that is to fail. Nobody else uses it.

use std::future::{Future, pending};
use std::pin::pin;
use std::task::Poll;

use super::link::{Answer, Asked, Link};

/// What becomes of a statement.
#[derive(Debug)]
pub enum Fault {
    /// Nothing.
    None,
    /// These are run on its connection instead of it, and the error of the first that fails is its error; `after` is run
    /// then, so that what made it fail is gone.
    Instead {
        /// What fails.
        statements: &'static [&'static str],
        /// The error when none of them fails.
        error: Option<sqlx::Error>,
        /// What gives room again.
        after: &'static [&'static str],
    },
    /// SQLite is interrupted in the middle of it.
    Interrupted,
    /// It is never sent, and its caller waits for ever.
    HeldBefore,
    /// It is sent, and its answer never seen.
    HeldSent,
    /// It is answered, and its caller waits for ever all the same.
    HeldAnswered,
}

/// Is asked before every statement of a database that has it.
pub trait Seam: Send + Sync + std::fmt::Debug {
    /// What becomes of `statement`.
    fn fault(&self, statement: &str) -> Fault;
    /// The statement is held now.
    fn is_held(&self);
}

pub(super) async fn injected(seam: &dyn Seam, link: &mut Link, asked: Asked) -> Result<Answer, sqlx::Error> {
    match seam.fault(asked.sql.as_str()) {
        Fault::None => link.run(asked).await,
        Fault::Instead { statements, error, after } => {
            let mut failed = error.unwrap_or_else(|| sqlx::Error::InvalidArgument("the fault did not happen".into()));
            for statement in statements {
                if let Err(error) = link.run(Asked::words(statement)).await {
                    failed = error;
                    break;
                }
            }
            for statement in after {
                link.run(Asked::words(statement)).await?;
            }
            Err(failed)
        }
        Fault::Interrupted => {
            if let Link::Sqlite(connection) = link {
                connection.lock_handle().await?.set_progress_handler(1, || false);
            }
            let answer = link.run(asked).await;
            if let Link::Sqlite(connection) = link {
                connection.lock_handle().await?.remove_progress_handler();
            }
            answer
        }
        Fault::HeldBefore => {
            seam.is_held();
            pending().await
        }
        Fault::HeldSent => {
            let mut answer = pin!(link.run(asked));
            std::future::poll_fn(|context| {
                let _ = answer.as_mut().poll(context);
                Poll::Ready(())
            })
            .await;
            seam.is_held();
            pending().await
        }
        Fault::HeldAnswered => {
            let _ = link.run(asked).await;
            seam.is_held();
            pending().await
        }
    }
}
