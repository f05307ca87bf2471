//! A client of the simulator, and audio to send.

use earmark_simulator::{Options, Simulator};
use reqwest::multipart::{Form, Part};
use serde_json::Value;

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// Status and code, as `(429, "1302")`.
    pub fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["error"]["code"].as_str().unwrap_or_default().into())
    }
}

pub async fn start(options: Options) -> Simulator {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Simulator::start(options).await.unwrap()
}

pub fn client() -> reqwest::Client {
    let second = std::time::Duration::from_secs(1);
    let options = earmark_objects::HttpOptions {
        connect_timeout: 5 * second,
        read_timeout: 60 * second,
        timeout: None,
        allow_private: true,
    };
    earmark_objects::http_client(&options).unwrap()
}

/// The form of a clip with more fields.
pub fn form(wav: Vec<u8>, fields: &[(&'static str, &str)]) -> Form {
    let form = Form::new().text("model", "glm-asr-2512").part("file", Part::bytes(wav).file_name("a.wav"));
    fields.iter().fold(form, |form, (name, value)| form.text(*name, (*value).to_owned()))
}

/// Sends a form with the key `id.secret`; an error is a connection that broke.
pub async fn send(client: &reqwest::Client, simulator: &Simulator, form: Form) -> Result<Answer, reqwest::Error> {
    send_as(client, simulator, "id.secret", form).await
}

pub async fn send_as(
    client: &reqwest::Client,
    simulator: &Simulator,
    key: &str,
    form: Form,
) -> Result<Answer, reqwest::Error> {
    let url = format!("{}/audio/transcriptions", simulator.url());
    let answer = client.post(url).bearer_auth(key).multipart(form).send().await?;
    Ok(Answer { status: answer.status().as_u16(), body: answer.text().await? })
}

/// 16-bit mono WAV at 16 kHz, every sample `level`.
pub fn wav(samples: usize, level: i16) -> Vec<u8> {
    let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend(16_000u32.to_le_bytes());
    wav.extend(32_000u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(u32::try_from(samples * 2).unwrap().to_le_bytes());
    wav.extend(level.to_le_bytes().repeat(samples));
    wav
}
