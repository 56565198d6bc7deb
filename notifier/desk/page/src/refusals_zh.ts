// The server refuses in English: its sentences about cases, in Chinese.

const SENTENCES: readonly (readonly [RegExp, string])[] = [
  [/^the case is closed; a new call opens a new case$/, "该呼叫已关闭；新的呼叫会另行建立。"],
  [/^already accepted by (.*); escalate to give it to somebody else$/s, "$1 已接单；如需转给他人，请先升级。"],
  [/^a case is closed with an outcome$/, "关闭呼叫必须选择结果。"],
  [/^Look at .* for .* there are\.$/, "没有这个呼叫。"],
  [/^(.*); ask again\.$/s, "服务器暂时无法处理，请重试（$1）。"],
];

/** What is no sentence of these is shown as it is, and said to be the server's. */
export function refusedInChinese(said: string): string {
  for (const [sentence, chinese] of SENTENCES) if (sentence.test(said)) return said.replace(sentence, chinese);
  return `服务器拒绝了请求：${said}`;
}
