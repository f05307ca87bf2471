//! The service's error codes, as its documentation lists them.

/// One code of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// As in the body; nothing for the plain internal error.
    pub code: Option<&'static str>,
    /// The answer's HTTP status.
    pub status: u16,
    /// The documented text, `${…}` standing for what differs.
    pub message: &'static str,
}

const fn code(code: &'static str, status: u16, message: &'static str) -> ErrorCode {
    ErrorCode { code: Some(code), status, message }
}

/// Every documented code, in their order.
pub const ERROR_CODES: &[ErrorCode] = &[
    ErrorCode { code: None, status: 500, message: "内部错误" },
    code("1000", 401, "身份验证失败"),
    code("1001", 401, "Header 中未收到 Authentication 参数，无法进行身份验证"),
    code("1002", 401, "Authentication Token 非法，请确认 Authentication Token 正确传递"),
    code("1003", 401, "Authentication Token 已过期，请重新生成/获取"),
    code("1004", 401, "通过 Authentication Token 的验证失败"),
    code("1005", 401, "已开启二次认证保护，需要二次认证登录。"),
    code("1113", 429, "您的账户已欠费，请充值后重试"),
    code("1200", 500, "API 调用失败"),
    code("1210", 400, "API 调用参数有误，请检查文档"),
    code("1211", 400, "模型不存在，请检查模型代码"),
    code("1212", 400, "当前模型不支持 ${method} 调用方式"),
    code("1213", 400, "未正常接收到 ${field} 参数"),
    code("1214", 400, "${field} 参数非法。请检查文档"),
    code("1215", 400, "${field1} 与 ${field2} 不能同时设置，请检查文档"),
    code("1220", 403, "您无权访问 ${API_name}"),
    code("1221", 400, "API ${API_name} 已下线"),
    code("1222", 400, "API ${API_name} 不存在"),
    code("1230", 500, "API 调用流程出错"),
    code("1234", 500, "网络错误，错误id： ${error_id} ，请联系客服"),
    code("1261", 400, "Prompt 超长"),
    code(
        "1301",
        400,
        "系统检测到输入或生成内容可能包含不安全或敏感内容，请您避免输入易产生敏感内容的提示语，感谢您的配合",
    ),
    code("1302", 429, "您的账户已达到速率限制，请您控制请求频率"),
    code("1303", 429, "您当前使用该 API 的频率过高，请降低频率，或联系客服增加限额"),
    code("1304", 429, "该 API 已达今日调用次数限额，如有更多需求，请联系客服购买"),
    code("1305", 429, "该模型当前访问量过大，请您稍后再试"),
    code("1308", 429, "已达到 ${number} ${unit} 的使用上限。您的限额将在 ${next_flush_time} 重置"),
    code("1309", 429, "您的 GLM Coding Plan 套餐已到期…"),
    code("1310", 429, "您已达到每周/每月使用上限，您的限额将在 ${next_flush_time} 重置"),
    code("1311", 429, "当前订阅套餐暂未开放 ${model_name} 权限"),
    code("1313", 429, "您的账户当前使用模式不符合公平使用策略，请求频率已受到限制…"),
    code("1314", 429, "您的企业套餐已失效，请联系企业管理员。"),
    code("1315", 429, "该 API Key 仅限企业编程套餐场景使用…"),
];

/// The listed entry, or one for a code that is not listed: 429 for those of accounts, 400 for the others.
pub(crate) fn entry(wanted: Option<&str>) -> (u16, &'static str) {
    match ERROR_CODES.iter().find(|entry| entry.code == wanted) {
        Some(entry) => (entry.status, entry.message),
        None if wanted.is_some_and(|code| code.starts_with("11") || code.starts_with("13")) => (429, "账户异常"),
        None => (400, "请求失败"),
    }
}
