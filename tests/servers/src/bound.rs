//! Programs that end with the process that starts them, however that ends: a test that the runner kills leaves nothing
//! running.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

/// Debian's essential `setpriv`: the way to have a child end with its parent without code between fork and exec.
const SETPRIV: &str = "/usr/bin/setpriv";

/// What a program is sent when the thread that started it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastWord {
    /// It ends at once.
    Kill,
    /// It ends its own children first: PostgreSQL's immediate shutdown.
    Quit,
}

/// `program`, so that it is sent `last` when the *thread* that starts it ends, and with it when its process is killed. To
/// be waited for by that thread; what runs on is started by [`start`].
pub fn bound(program: impl AsRef<OsStr>, last: LastWord) -> Command {
    if !Path::new(SETPRIV).is_file() {
        return Command::new(program);
    }
    let mut command = Command::new(SETPRIV);
    let signal = match last {
        LastWord::Kill => "KILL",
        LastWord::Quit => "QUIT",
    };
    command.args(["--pdeathsig", signal, "--"]).arg(program);
    command
}

type Order = (Command, Sender<io::Result<Child>>);

/// Starts what [`bound`] made on a thread that ends with this process and no sooner: threads of a runtime or of a test
/// come and go.
///
/// # Errors
/// Those of [`Command::spawn`].
pub fn start(command: Command) -> io::Result<Child> {
    static STARTER: LazyLock<Sender<Order>> = LazyLock::new(|| {
        let (give, orders) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        });
        give
    });
    let gone = |_| io::Error::other("the thread that starts programs has ended");
    let (answer, answered) = channel();
    STARTER.send((command, answer)).map_err(|_| gone(()))?;
    answered.recv().map_err(|_| gone(()))?
}
