/**
 * The recovery code: 160 random bits a person can write down. Four lines of eight base32 characters
 * (Crockford's alphabet, no I, L, O, U), each with a two-character checksum, so that a slip of the
 * pen is found with its line: "7KQ2-M0XD-4T".
 */
import { createHash } from 'node:crypto';

export const recoveryBytes = 20;
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const lines = 4;
const lineCharacters = 8;
const checkCharacters = 2;

/** Four lines with line feeds between them. */
export function formatRecoveryCode(secret: Uint8Array): string {
  const text = toBase32(secret);
  return Array.from({ length: lines }, (_, line) => {
    const part = text.slice(line * lineCharacters, (line + 1) * lineCharacters);
    return `${part.slice(0, 4)}-${part.slice(4)}-${checksum(line, part)}`;
  }).join('\n');
}

export type ParsedCode =
  | { readonly kind: 'code'; readonly secret: Buffer }
  /** Looks like a code, but these lines (1 to 4) were mistyped. */
  | { readonly kind: 'mistyped'; readonly lines: readonly number[] }
  | { readonly kind: 'not-a-code' };

/** Reads a code as typed: any case, any spaces or dashes, O for 0 and I or L for 1. */
export function parseRecoveryCode(typed: string): ParsedCode {
  const text = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  const perLine = lineCharacters + checkCharacters;
  if (text.length !== lines * perLine) return { kind: 'not-a-code' };
  if (!/^[0-9A-HJKMNP-TV-Z]*$/.test(text)) return { kind: 'not-a-code' };
  const parts = Array.from({ length: lines }, (_, i) => text.slice(i * perLine, (i + 1) * perLine));
  const wrong = parts.flatMap((part, line) =>
    checksum(line, part.slice(0, lineCharacters)) === part.slice(lineCharacters) ? [] : [line + 1],
  );
  // Every line wrong is far more likely a password of this shape than a code.
  if (wrong.length === lines) return { kind: 'not-a-code' };
  if (wrong.length > 0) return { kind: 'mistyped', lines: wrong };
  const payload = parts.map((part) => part.slice(0, lineCharacters)).join('');
  return { kind: 'code', secret: fromBase32(payload) };
}

/** The first ten bits of SHA-256 over the line's number and text. */
function checksum(line: number, part: string): string {
  const digest = createHash('sha256')
    .update(`waymark recovery ${line + 1} ${part}`)
    .digest();
  const bits = digest.readUInt16BE(0) >> 6;
  return alphabet.charAt(bits >> 5) + alphabet.charAt(bits & 31);
}

function toBase32(bytes: Uint8Array): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet.charAt((held >> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return text;
}

function fromBase32(text: string): Buffer {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const one of text) {
    held = (held << 5) | alphabet.indexOf(one);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 255);
      held &= (1 << bits) - 1;
    }
  }
  return Buffer.from(bytes);
}
