//! The ffmpeg program and its ffprobe as children: without shell, standard input or network protocols, with limits on time,
//! CPU, memory and files, ended with their parent; what they write comes through a pipe.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::foreign::Foreign;
use super::options::DecodeOptions;
use super::output::Output;
use crate::AudioError;

/// How often the caller is asked whether it still wants the result while ffmpeg says nothing.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long the messages of a child that has ended may take to come through.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Bytes of one block on the pipe.
const BLOCK_BYTES: usize = 1 << 15;

/// Blocks that wait for the resampler.
const BLOCKS: usize = 4;

/// Memory that ffmpeg's own program, libraries and stacks take before it decodes anything.
const PROGRAM_BYTES: u64 = 256 << 20;

/// Formats ffmpeg may open. Playlists, image sequences and scripts are not among them: they name other files.
const FORMATS: &str = "aa,aac,ac3,aiff,alaw,amr,amrnb,amrwb,ape,asf,asf_o,au,avi,avr,caf,daud,dsf,dss,dts,dtshd,eac3,flac,flv,g722,\
    g726,g726le,g723_1,g729,gsm,iff,ilbc,ircam,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mulaw,mxf,nistsphere,nsv,\
    ogg,oma,pvf,rm,sbc,sds,shn,smjpeg,sox,spdif,tak,truehd,tta,voc,vqf,w64,wav,wsvqa,wv,xa,xwma";

/// Stands for the file among the words of a command.
pub(super) const INPUT: &str = "\0input";

/// What ffmpeg is told before its input: quiet, one thread, and what it may open.
pub(super) fn before_input(foreign: &Foreign) -> Vec<String> {
    let mut words = owned(&["-nostdin", "-hide_banner", "-nostats", "-loglevel", "info", "-threads", "1"]);
    words.extend(opening(foreign));
    words
}

/// What ffmpeg and ffprobe may open, and how.
pub(super) fn opening(foreign: &Foreign) -> Vec<String> {
    let mut words = owned(&["-protocol_whitelist", "file", "-format_whitelist", FORMATS]);
    if let Some(demuxer) = foreign.demuxer {
        words.extend(owned(&["-f", demuxer]));
        words.extend(foreign.arguments.iter().cloned());
    }
    words
}

pub(super) fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// How a child ended.
pub(super) struct Ended {
    pub(super) is_success: bool,
    pub(super) status: String,
    pub(super) said: Said,
}

/// A child at work. Dropped, it is killed.
pub(super) struct Running {
    child: Child,
    blocks: Receiver<Vec<u8>>,
    listener: Option<JoinHandle<Said>>,
}

/// Debian's essential `setpriv`: the way to have a child end with its parent without code between fork and exec.
const SETPRIV: &str = "/usr/bin/setpriv";

/// `program`, so that it is killed when the thread that starts it ends, which waits for it: when earmark is killed.
fn bound_to_us(program: &Path) -> Command {
    if !Path::new(SETPRIV).is_file() {
        return Command::new(program);
    }
    let mut command = Command::new(SETPRIV);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

impl Running {
    /// Starts `program` with `words`, where `-i` and the file at `path` take the place of [`INPUT`].
    pub(super) fn start(
        program: &Path,
        words: &[String],
        path: &Path,
        options: &DecodeOptions,
        output: &Output<'_>,
    ) -> Result<Self, AudioError> {
        let broken = |source| AudioError::FfmpegRun { source };
        let path = std::path::absolute(path).map_err(broken)?;
        // The prefix keeps ffmpeg from finding a protocol in the name.
        let mut input = OsString::from("file:");
        input.push(path);
        let mut command = bound_to_us(program);
        for word in words {
            if word == INPUT {
                command.arg("-i").arg(&input);
            } else {
                command.arg(word);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).env_clear();
        let mut child = command.spawn().map_err(broken)?;
        let limited = limit(&child, options, output.time_left());
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let (sender, blocks) = sync_channel(BLOCKS);
        std::thread::spawn(move || pump(stdout, &|block| sender.send(block).is_ok()));
        let listener = std::thread::spawn(move || Said::listen(stderr));
        let running = Self { child, blocks, listener: Some(listener) };
        limited.map_err(broken)?;
        Ok(running)
    }

    /// What the child writes next; none when it has written all.
    pub(super) fn next(&self, output: &Output<'_>) -> Result<Option<Vec<u8>>, AudioError> {
        loop {
            output.check()?;
            match self.blocks.recv_timeout(PATIENCE) {
                Ok(block) => return Ok(Some(block)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }

    /// All that it writes, at most `most` bytes; it is ended then.
    pub(super) fn all(self, most: usize, output: &Output<'_>) -> Result<(Vec<u8>, Option<Ended>), AudioError> {
        let mut bytes = Vec::new();
        while let Some(block) = self.next(output)? {
            bytes.extend_from_slice(&block);
            if bytes.len() >= most {
                bytes.truncate(most);
                return Ok((bytes, None));
            }
        }
        Ok((bytes, Some(self.finish(output)?)))
    }

    /// Waits for a child that has said all; one that does not end is given up at the deadline like one that does not
    /// begin. What it has started itself may keep its pipes: that is not waited for.
    pub(super) fn finish(mut self, output: &Output<'_>) -> Result<Ended, AudioError> {
        let broken = |source| AudioError::FfmpegRun { source };
        let listener = self.listener.take();
        let status = loop {
            output.check()?;
            match self.child.try_wait().map_err(broken)? {
                Some(status) => break status,
                // Nothing comes through this channel any more: it only measures the time.
                None => std::thread::park_timeout(PATIENCE),
            }
        };
        let heard = Instant::now();
        while listener.as_ref().is_some_and(|listener| !listener.is_finished()) && heard.elapsed() < LAST_WORDS {
            output.check()?;
            std::thread::park_timeout(PATIENCE);
        }
        let said = listener.filter(JoinHandle::is_finished).and_then(|listener| listener.join().ok());
        let said = said.unwrap_or_default();
        Ok(Ended { is_success: status.success(), status: status.to_string(), said })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bounds the child's memory, CPU time and files.
fn limit(child: &Child, options: &DecodeOptions, time_left: Duration) -> std::io::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let cpu_secs = time_left.as_secs() + 1;
    let limits = [
        (Resource::Data, options.memory_bytes.saturating_add(PROGRAM_BYTES)),
        (Resource::Cpu, cpu_secs),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        match prlimit(pid, resource, Rlimit { current: Some(most), maximum: Some(most) }) {
            // It has ended already, and its exit status will tell why.
            Ok(_) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads until the end, or until nobody takes the blocks any more.
fn pump(mut stdout: ChildStdout, take: &dyn Fn(Vec<u8>) -> bool) {
    loop {
        let mut block = vec![0; BLOCK_BYTES];
        match stdout.read(&mut block) {
            Ok(0) | Err(_) => return,
            Ok(got) => {
                block.truncate(got);
                if !take(block) {
                    return;
                }
            }
        }
    }
}

/// What is kept of the child's messages.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) codec: Option<String>,
    /// What the container says; nothing worth comparing with where that was guessed from the bit rate.
    pub(super) duration_ms: Option<u64>,
    pub(super) is_guessed: bool,
    /// There is no track of the wanted kind.
    pub(super) is_without: bool,
    pub(super) errors: u64,
    pub(super) first_error: Option<String>,
    last: Option<String>,
}

impl Said {
    /// The last line, for a message.
    pub(super) fn last(&self) -> Option<String> {
        self.last.clone()
    }

    fn listen(stderr: ChildStderr) -> Self {
        let mut said = Self::default();
        let mut reader = BufReader::new(stderr);
        let mut line = Vec::new();
        loop {
            line.clear();
            // A line without end must not fill the memory.
            match reader.by_ref().take(4096).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return said,
                Ok(_) => said.hear(String::from_utf8_lossy(&line).trim()),
            }
        }
    }

    fn hear(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        if self.codec.is_none()
            && let Some((_, codec)) = line.split_once("Audio: ")
        {
            self.codec = codec.split([' ', ',']).next().map(str::to_owned);
        }
        if self.duration_ms.is_none()
            && let Some((_, duration)) = line.split_once("Duration: ")
        {
            self.duration_ms = duration.split(',').next().and_then(clock_ms);
        }
        if line.contains("Estimating duration from bitrate") {
            // This comes before the line with the duration.
            self.duration_ms = Some(0);
            self.is_guessed = true;
        }
        self.is_without |= line.contains("matches no streams");
        if line.contains("Error while decoding") || line.contains("Error submitting packet") {
            self.errors += 1;
            self.first_error.get_or_insert_with(|| self.last.clone().unwrap_or_else(|| line.to_owned()));
        }
        self.last = Some(line.chars().take(300).collect());
    }
}

/// `00:01:02.34` in ms.
fn clock_ms(text: &str) -> Option<u64> {
    let mut parts = text.trim().split(':');
    let (hours, minutes, secs) = (parts.next()?, parts.next()?, parts.next()?);
    let secs: f64 = secs.parse().ok()?;
    #[expect(clippy::as_conversions, reason = "whole milliseconds of at most a minute, saturating")]
    let ms = (secs * 1000.0) as u64;
    Some((hours.parse::<u64>().ok()? * 60 + minutes.parse::<u64>().ok()?) * 60_000 + ms)
}
