//! Everything that is answered instead of a text: GLM-ASR's codes and words, in a body that its SDK and OpenAI's read.
//! <https://docs.bigmodel.cn/cn/api/api-code>

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::desk::transcribe::TranscribeError;

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No `Authorization: Bearer KEY`.
    NoKey,
    /// A key that nobody has.
    WrongKey,
    /// Without keys only this machine's own programs may ask.
    Elsewhere,
    /// Another method than POST.
    WrongMethod,
    /// As many requests of this key are under way as its tier allows.
    OverTier,
    /// The body did not come within this time.
    TooSlow(Duration),
    /// The body is no form, or half of one.
    NotAForm,
    /// A field that must be there.
    Missing(&'static str),
    /// A model that there is not.
    NoSuchModel,
    /// A field whose value is not allowed.
    Invalid(&'static str),
    /// The prompt has 8000 characters or more.
    PromptTooLong,
    /// The file has more than 25 MB.
    FileTooLarge,
    /// The file is empty, broken, or no audio.
    NotAudio,
    /// More than 30 s.
    TooLong,
    /// The provider finds it sensitive, and there is nobody else to ask.
    Sensitive,
    /// The provider is out of order or overloaded for now.
    Busy {
        /// When it is worth asking again.
        wait: Duration,
    },
    /// The account may not go on until somebody sees to it.
    Stopped {
        /// In the provider's numbers, where it gave one.
        code: Option<String>,
    },
    /// The tenant's money for the day is spent.
    BudgetSpent,
    /// The provider will never answer this request.
    Rejected {
        /// HTTP status.
        status: u16,
        /// In the provider's numbers, where it gave one.
        code: Option<String>,
        /// In the provider's words.
        message: String,
    },
    /// The provider did not answer this time.
    Unanswered,
    /// No answer within the longest time a request may take.
    TookTooLong,
    /// Something of ours is not in order; asking again may help.
    Failed,
    /// Something of ours is not in order and stays so until a person acts.
    OutOfOrder,
    /// The service is shutting down.
    Closing,
}

/// What a fault is answered with.
struct FaultAnswer<'a> {
    /// HTTP status.
    status: u16,
    /// In GLM-ASR's numbers.
    code: &'a str,
    /// In OpenAI's words.
    kind: &'static str,
    message: Cow<'a, str>,
    /// Whether SDKs should spare themselves the tries that they make by themselves after such a status.
    is_final: bool,
}

const INVALID: &str = "invalid_request_error";
const AUTHENTICATION: &str = "authentication_error";
const RATE_LIMIT: &str = "rate_limit_error";
const QUOTA: &str = "insufficient_quota";
const SERVER: &str = "server_error";
/// Codes that the provider gives for accounts that may not go on; others are ours to keep.
const STOPPED: [&str; 18] = [
    "1110", "1111", "1112", "1113", "1121", "1220", "1304", "1308", "1309", "1310", "1311", "1313", "1314", "1315",
    "1316", "1317", "1318", "1319",
];

impl Fault {
    fn parts(&self) -> FaultAnswer<'_> {
        let answer = |status, code, kind, message: &'static str| FaultAnswer {
            status,
            code,
            kind,
            message: Cow::Borrowed(message),
            is_final: status != 408 && status != 429 && status < 500,
        };
        match self {
            Self::NoKey => answer(401, "1001", AUTHENTICATION, "Header 中未收到 Authentication 参数，无法进行身份验证"),
            Self::WrongKey => answer(401, "1000", AUTHENTICATION, "身份验证失败"),
            Self::Elsewhere => answer(403, "1220", AUTHENTICATION, "您无权访问 transcriptions"),
            Self::WrongMethod => answer(405, "405", INVALID, "请使用 POST 方法"),
            Self::OverTier => answer(429, "1302", RATE_LIMIT, "您的账户已达到速率限制，请您控制请求频率"),
            Self::TooSlow(limit) => {
                let message = format!("请求体未在 {} 秒内收到", limit.as_secs()).into();
                FaultAnswer { message, ..answer(408, "408", INVALID, "") }
            }
            Self::NotAForm => answer(400, "1210", INVALID, "API 调用参数有误，请检查文档"),
            Self::Missing(field) => FaultAnswer {
                message: format!("未正常接收到 {field} 参数").into(),
                ..answer(400, "1213", INVALID, "")
            },
            Self::NoSuchModel => answer(400, "1211", INVALID, "模型不存在，请检查模型代码"),
            Self::Invalid(field) => FaultAnswer {
                message: format!("{field} 参数非法。请检查文档").into(),
                ..answer(400, "1214", INVALID, "")
            },
            Self::PromptTooLong => answer(400, "1261", INVALID, "Prompt 超长"),
            Self::FileTooLarge => answer(400, "1214", INVALID, "file 参数非法：文件大小限制为 25 MB。请检查文档"),
            Self::NotAudio => answer(400, "1214", INVALID, "file 参数非法：不是可识别的音频。请检查文档"),
            Self::TooLong => answer(400, "1214", INVALID, "transcriptions文件时长限制为0-30秒"),
            Self::Sensitive => answer(
                400,
                "1301",
                INVALID,
                "系统检测到输入或生成内容可能包含不安全或敏感内容，请您避免输入易产生敏感内容的提示语，感谢您的配合",
            ),
            Self::Busy { .. } => answer(429, "1305", RATE_LIMIT, "该模型当前访问量过大，请您稍后再试"),
            Self::Stopped { code } => {
                let code = code.as_deref().filter(|code| STOPPED.contains(code)).unwrap_or("1113");
                let (status, message) = match code {
                    "1113" => (429, "您的账户已欠费，请充值后重试"),
                    "1220" => (403, "您无权访问 transcriptions"),
                    _ => (429, "您的账户当前不可用，请联系管理员"),
                };
                FaultAnswer { is_final: true, ..answer(status, code, QUOTA, message) }
            }
            Self::BudgetSpent => {
                let message = "该 API 已达今日调用次数限额，如有更多需求，请联系客服购买";
                FaultAnswer { is_final: true, ..answer(429, "1304", QUOTA, message) }
            }
            Self::Rejected { status, code, message } => FaultAnswer {
                message: message.as_str().into(),
                ..answer(*status, code.as_deref().unwrap_or("1210"), INVALID, "")
            },
            Self::Unanswered => answer(500, "1234", SERVER, "网络错误，请稍后重试"),
            Self::TookTooLong | Self::Failed | Self::Closing => answer(500, "1200", SERVER, "API 调用失败"),
            Self::OutOfOrder => FaultAnswer { is_final: true, ..answer(500, "1200", SERVER, "API 调用失败") },
        }
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.parts().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// In GLM-ASR's numbers.
    pub fn code(&self) -> &str {
        self.parts().code
    }

    /// The body.
    pub fn body(&self, request_id: &str) -> Value {
        let FaultAnswer { code, kind, message, .. } = self.parts();
        json!({
            "error": {"code": code, "message": message, "type": kind, "param": null},
            "request_id": request_id,
        })
    }

    /// The whole answer.
    pub fn answer(&self, request_id: &str) -> Response {
        let mut response = (self.status(), Json(self.body(request_id))).into_response();
        if self.parts().is_final {
            response.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
        }
        if let Self::Busy { wait } = self {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

impl From<TranscribeError> for Fault {
    fn from(error: TranscribeError) -> Self {
        match error {
            TranscribeError::NotAudio => Self::NotAudio,
            TranscribeError::TooLong => Self::TooLong,
            TranscribeError::UnknownLanguage => Self::Invalid("language"),
            TranscribeError::Sensitive => Self::Sensitive,
            TranscribeError::Busy { wait } => Self::Busy { wait },
            TranscribeError::Stopped { code } => Self::Stopped { code },
            TranscribeError::BudgetSpent => Self::BudgetSpent,
            TranscribeError::Rejected { status, code, message } => Self::Rejected { status, code, message },
            TranscribeError::Unanswered => Self::Unanswered,
            TranscribeError::Failed => Self::Failed,
            TranscribeError::OutOfOrder => Self::OutOfOrder,
            TranscribeError::Closing => Self::Closing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_hinders_an_account_has_its_status_and_code() {
        let owned = |code: Option<&str>| code.map(str::to_owned);
        let stopped = |code| TranscribeError::Stopped { code: owned(code) };
        let rejected = |status, code| TranscribeError::Rejected { status, code: owned(code), message: "m".into() };
        let wait = Duration::from_secs(7);
        let rows = [
            (TranscribeError::Busy { wait }, 429, "1305", false),
            (stopped(Some("1113")), 429, "1113", true),
            (stopped(Some("1310")), 429, "1310", true),
            (stopped(Some("1220")), 403, "1220", true),
            (stopped(Some("1304")), 429, "1304", true),
            (stopped(Some("1003")), 429, "1113", true),
            (stopped(None), 429, "1113", true),
            (TranscribeError::BudgetSpent, 429, "1304", true),
            (TranscribeError::Failed, 500, "1200", false),
            (TranscribeError::Closing, 500, "1200", false),
            (TranscribeError::OutOfOrder, 500, "1200", true),
            (TranscribeError::NotAudio, 400, "1214", true),
            (TranscribeError::TooLong, 400, "1214", true),
            (TranscribeError::UnknownLanguage, 400, "1214", true),
            (TranscribeError::Unanswered, 500, "1234", false),
            (rejected(400, Some("1210")), 400, "1210", true),
            (rejected(413, None), 413, "1210", true),
            (TranscribeError::Sensitive, 400, "1301", true),
        ];
        for (error, status, code, is_final) in rows {
            let said = format!("{error:?}");
            let fault = Fault::from(error);
            assert_eq!((fault.status().as_u16(), fault.code()), (status, code), "{said}");
            let answer = fault.answer("r");
            assert_eq!(answer.headers().contains_key("x-should-retry"), is_final, "{said}");
            assert_eq!(answer.headers().contains_key("retry-after"), matches!(fault, Fault::Busy { .. }), "{said}");
            assert_eq!(fault.body("r")["request_id"], "r");
        }
    }
}
