/**
 * One mail as text (RFC 5322, MIME): plain text in UTF-8. Whatever a title holds, it cannot become
 * a header: what is not plain ASCII is an encoded word (RFC 2047), and control characters are gone
 * before that.
 */

/** RFC 2047: an encoded word is at most 75 characters, its frame included. */
const maxEncodedWord = 75;
/** RFC 2045: a line of base64. */
const maxBase64Line = 76;

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly body: string;
  /** UTC epoch milliseconds. */
  readonly time: number;
}

export function mailMessage({ to, subject, body, time }: Mail): string {
  const lines = [
    `To: ${oneLine(to)}`,
    `Subject: ${headerText(subject)}`,
    `Date: ${mailDate(time)}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=UTF-8',
    'Content-Transfer-Encoding: base64',
    // RFC 3834: nobody's holiday notice answers it.
    'Auto-Submitted: auto-generated',
    '',
    ...inLines(Buffer.from(body).toString('base64'), maxBase64Line),
    '',
  ];
  return lines.join('\n'); // sendmail takes the line ends of the system
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

function headerText(text: string): string {
  const clean = oneLine(text);
  // Something that looks like an encoded word is encoded too, or it would be decoded.
  if (/^[ -~]{0,60}$/.test(clean) && !clean.includes('=?')) return clean;
  return encodedWords(clean).join('\n ');
}

/** No character is cut: a word that is decoded alone is whole. */
function encodedWords(text: string): readonly string[] {
  const frame = '=?UTF-8?B??='.length;
  const maxBytes = Math.floor((maxEncodedWord - frame) / 4) * 3;
  const words: string[] = [];
  let word = '';
  for (const character of text) {
    if (Buffer.byteLength(word + character) > maxBytes) {
      words.push(word);
      word = '';
    }
    word += character;
  }
  return [...words, word].map((part) => `=?UTF-8?B?${Buffer.from(part).toString('base64')}?=`);
}

function inLines(text: string, length: number): readonly string[] {
  return text.match(new RegExp(`.{1,${length}}`, 'g')) ?? [];
}

/** RFC 5322: "Thu, 26 Nov 2026 00:40:00 +0000". */
function mailDate(time: number): string {
  return new Date(time).toUTCString().replace(/GMT$/, '+0000');
}
