import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mailMessage } from '#engine/news/mail-message.ts';

const time = Date.UTC(2026, 10, 26, 0, 40);
const mail = (subject: string, body = 'Body.') =>
  mailMessage({ to: 'me@example.org', subject, body, time });

/** Headers by name, unfolded, and the body decoded: what a mail program makes of it. */
function read(message: string) {
  const [head = '', encoded = ''] = message.split('\n\n');
  const headers = new Map(
    head
      .replaceAll('\n ', ' ')
      .split('\n')
      .map((line) => {
        const at = line.indexOf(':');
        return [line.slice(0, at), line.slice(at + 2)] as const;
      }),
  );
  return { headers, head, body: Buffer.from(encoded, 'base64').toString() };
}

function decoded(subject: string): string {
  return subject
    .replaceAll('?= =?', '?==?')
    .replaceAll(/=\?UTF-8\?B\?([^?]*)\?=/g, (_all, text: string) =>
      Buffer.from(text, 'base64').toString(),
    );
}

test('plain words stay readable', () => {
  const { headers, body } = read(mail('web-01 was not backed up', 'Line one.\nGrüße.'));
  expect(headers.get('To')).toBe('me@example.org');
  expect(headers.get('Subject')).toBe('web-01 was not backed up');
  expect(headers.get('Date')).toBe('Thu, 26 Nov 2026 00:40:00 +0000');
  expect(body).toBe('Line one.\nGrüße.');
});

test('a name with a line break makes no header', () => {
  const { headers, head } = read(mail('web\r\nBcc: other@example.org\n\nBody'));
  expect(headers.has('Bcc')).toBe(false);
  expect(head).toContain('Subject: web Bcc: other@example.org Body');
});

test('what looks encoded already is taken as it is written', () => {
  const subject = '=?UTF-8?B?Qm9vIQ==?=';
  expect(decoded(read(mail(subject)).headers.get('Subject') ?? '')).toBe(subject);
});

test('property: any subject arrives as it was, in short words, and adds no header', () => {
  const names = ['To', 'Subject', 'Date', 'MIME-Version', 'Content-Type'];
  const more = ['Content-Transfer-Encoding', 'Auto-Submitted'];
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (subject) => {
      const { headers, head } = read(mail(subject));
      expect([...headers.keys()]).toEqual([...names, ...more]);
      const clean = subject.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
      expect(decoded(headers.get('Subject') ?? '')).toBe(clean);
      for (const line of head.split('\n')) expect(line.length).toBeLessThanOrEqual(85);
      for (const word of head.match(/=\?UTF-8\?B\?[^?]*\?=/g) ?? []) {
        expect(word.length).toBeLessThanOrEqual(75);
      }
    }),
  );
});

test('property: any body arrives as it was, in lines that every server takes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 500 }), (body) => {
      const message = mail('x', body);
      expect(read(message).body).toBe(Buffer.from(body).toString());
      for (const line of message.split('\n')) expect(line.length).toBeLessThanOrEqual(76);
      expect(message.split('\n')).not.toContain('.');
    }),
  );
});
