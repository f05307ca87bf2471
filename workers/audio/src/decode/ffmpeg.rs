//! What only the ffmpeg program decodes: a child without shell, standard input or network protocols, with limits on time,
//! CPU, memory and files, ended with its parent, whose samples come through a pipe.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::amr::Timeline;
use super::foreign::Foreign;
use super::options::DecodeOptions;
use super::output::Output;
use super::pcm::Planes;
use super::sink::Streamed;
use super::wave::Encoding;
use crate::AudioError;

/// How often the caller is asked whether it still wants the result while ffmpeg says nothing.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long the messages of a child that has ended may take to come through.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Bytes of one block on the pipe.
const BLOCK_BYTES: usize = 1 << 15;

/// Blocks that wait for the resampler.
const BLOCKS: usize = 4;

/// The longest WAV header ffmpeg writes.
const MAX_HEADER_BYTES: usize = 4096;

/// Memory that ffmpeg's own program, libraries and stacks take before it decodes anything.
const PROGRAM_BYTES: u64 = 256 << 20;

/// Formats ffmpeg may open. Playlists, image sequences and scripts are not among them: they name other files.
const FORMATS: &str = "aa,aac,ac3,aiff,alaw,amr,amrnb,amrwb,ape,asf,asf_o,au,avi,avr,caf,daud,dsf,dts,dtshd,eac3,flac,flv,g722,\
    g726,g726le,g729,gsm,iff,ilbc,ircam,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,mulaw,mxf,nistsphere,nsv,\
    ogg,oma,pvf,rm,sbc,sds,shn,smjpeg,sox,spdif,tak,truehd,tta,voc,vqf,w64,wav,wsvqa,wv,xa,xwma";

/// Decodes the first audio track of the file at `path`.
pub(super) fn decode(
    path: &Path,
    foreign: &Foreign,
    options: &DecodeOptions,
    output: &mut Output<'_>,
) -> Result<Streamed, AudioError> {
    let Some(program) = &options.ffmpeg else { return Err(AudioError::NeedsFfmpeg { format: foreign.format.clone() }) };
    let running = Running::start(program, path, foreign, options, output)?;
    let mut bytes = Vec::new();
    let mut way = None;
    let mut rate_hz = 0;
    loop {
        output.check()?;
        match running.blocks.recv_timeout(PATIENCE) {
            Ok(block) => bytes.extend_from_slice(&block),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if way.is_none() {
            let Some(head) = Head::parse(&bytes) else { continue };
            bytes.drain(..head.bytes);
            rate_hz = head.rate_hz;
            way = Some(Way::open(path, foreign, &head, output)?);
        }
        if let Some(way) = &mut way {
            way.push(&mut bytes, output)?;
        }
    }
    let ended = running.finish(output)?;
    let missing = match way {
        Some(way) => way.finish(output)?,
        None => None,
    };
    if output.frames() == 0 {
        let said = ended.said.last().unwrap_or_else(|| "nothing".into());
        return Err(AudioError::FfmpegFailed { format: foreign.format.clone(), status: ended.status, said });
    }
    let (errors, declared_ms) = match missing {
        // Of AMR our own reading of the frames knows better: what ffmpeg calls an error there is silence.
        Some(Missing { frames, declared_ms }) => (frames, Some(declared_ms)),
        None => (ended.said.errors, foreign.declared_ms.or(ended.said.duration_ms)),
    };
    if errors > 0 || !ended.is_success {
        let first = ended.said.first_error.as_deref().unwrap_or("packets are missing");
        output.warn(
            "decode_errors",
            format!("{errors} packets could not be decoded by ffmpeg ({}): {first}", ended.status),
        );
    }
    let codec = ended.said.codec.unwrap_or_else(|| foreign.format.to_ascii_lowercase());
    let declared = declared_ms.map(|ms| ms.saturating_mul(u64::from(rate_hz)) / 1000);
    output.finish(codec, rate_hz, foreign.format.clone(), declared)
}

/// What ffmpeg writes: 16 bits are what the spools keep.
const ENCODING: Encoding = Encoding::Integer { bytes: 2, is_big_endian: false };

/// The header of what ffmpeg writes.
struct Head {
    channels: usize,
    rate_hz: u32,
    /// Its own length.
    bytes: usize,
}

impl Head {
    /// None while it is not all there.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let searched = bytes.get(36..bytes.len().min(MAX_HEADER_BYTES))?;
        let data = 36 + searched.windows(4).position(|four| four == b"data")?;
        let channels = usize::from(u16::from_le_bytes([bytes[22], bytes[23]]));
        let rate_hz = u32::from_le_bytes([bytes[24], bytes[25], bytes[26], bytes[27]]);
        (bytes.len() >= data + 8).then_some(Self { channels, rate_hz, bytes: data + 8 })
    }
}

/// AMR frames that ffmpeg left out although they hold speech.
struct Missing {
    frames: u64,
    declared_ms: u64,
}

/// How the samples go on.
enum Way {
    Direct { planes: Planes, frame_bytes: usize },
    Amr(Box<Timeline>),
}

impl Way {
    fn open(path: &Path, foreign: &Foreign, head: &Head, output: &mut Output<'_>) -> Result<Self, AudioError> {
        let planes = Planes::open(ENCODING, head.channels, head.rate_hz, output)?;
        match foreign.amr {
            Some(band) if head.channels == 1 => Ok(Self::Amr(Box::new(Timeline::open(path, band)?))),
            _ => Ok(Self::Direct { planes, frame_bytes: ENCODING.bytes() * head.channels }),
        }
    }

    /// Takes the whole frames off `bytes`.
    fn push(&mut self, bytes: &mut Vec<u8>, output: &mut Output<'_>) -> Result<(), AudioError> {
        match self {
            Self::Direct { planes, frame_bytes } => {
                let whole = bytes.len() / *frame_bytes * *frame_bytes;
                planes.push(&bytes[..whole], output)?;
                bytes.drain(..whole);
            }
            Self::Amr(timeline) => {
                let whole = bytes.len() / 2 * 2;
                timeline
                    .push(bytes[..whole].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])), output)?;
                bytes.drain(..whole);
            }
        }
        Ok(())
    }

    fn finish(self, output: &mut Output<'_>) -> Result<Option<Missing>, AudioError> {
        match self {
            Self::Direct { .. } => Ok(None),
            Self::Amr(timeline) => {
                let (frames, declared_ms) = timeline.finish(output)?;
                Ok(Some(Missing { frames, declared_ms }))
            }
        }
    }
}

/// How a child ended.
struct Ended {
    is_success: bool,
    status: String,
    said: Said,
}

/// A child at work. Dropped, it is killed.
struct Running {
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
    fn start(
        program: &Path,
        path: &Path,
        foreign: &Foreign,
        options: &DecodeOptions,
        output: &Output<'_>,
    ) -> Result<Self, AudioError> {
        let broken = |source| AudioError::FfmpegRun { source };
        let path = std::path::absolute(path).map_err(broken)?;
        // The prefix keeps ffmpeg from finding a protocol in the name.
        let mut input = std::ffi::OsString::from("file:");
        input.push(path);
        let mut command = bound_to_us(program);
        command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "info", "-threads", "1"]);
        command.args(["-protocol_whitelist", "file", "-format_whitelist", FORMATS]);
        if let Some(demuxer) = foreign.demuxer {
            command.args(["-f", demuxer]);
        }
        command.arg("-i").arg(input).args(["-map", "0:a:0", "-map_metadata", "-1", "-bitexact"]);
        if foreign.demuxer.is_none() {
            // Packets that are missing leave silence, not a shorter recording.
            command.args(["-af", "aresample=async=1"]);
        }
        command.args(["-c:a", "pcm_s16le", "-f", "wav", "pipe:1"]);
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

    /// Waits for a child that has said all; one that does not end is given up at the deadline like one that does not
    /// begin. What it has started itself may keep its pipes: that is not waited for.
    fn finish(mut self, output: &Output<'_>) -> Result<Ended, AudioError> {
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
struct Said {
    codec: Option<String>,
    duration_ms: Option<u64>,
    errors: u64,
    first_error: Option<String>,
    last: Option<String>,
}

impl Said {
    /// The last line, for a message.
    fn last(&self) -> Option<String> {
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
            // Not worth comparing with. (This comes before the line with the duration.)
            self.duration_ms = Some(0);
        }
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
