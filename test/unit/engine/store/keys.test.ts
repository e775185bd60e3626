import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSlot, scryptCost } from '#engine/store/keys.ts';
import { formatRecoveryCode, parseRecoveryCode } from '#engine/store/recovery-code.ts';

describe('the recovery code', () => {
  it('is four grouped lines and comes back from any way of typing it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (secret) => {
        const code = formatRecoveryCode(secret);
        expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-\w\w\n?){4}$/);
        const typed = code.toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l');
        for (const one of [code, typed, code.replace(/[-\n]/g, ''), ` ${code}\n`]) {
          expect(parseRecoveryCode(one)).toEqual({ kind: 'code', secret: Buffer.from(secret) });
        }
      }),
    );
  });

  it('names the line of a slip of the pen', () => {
    const code = formatRecoveryCode(Buffer.alloc(20, 0x5a));
    const lines = code.split('\n');
    lines[2] = (lines[2]!.startsWith('A') ? 'B' : 'A') + lines[2]!.slice(1);
    expect(parseRecoveryCode(lines.join('\n'))).toEqual({ kind: 'mistyped', lines: [3] });
    expect(parseRecoveryCode('correct horse battery staple')).toEqual({ kind: 'not-a-code' });
    expect(parseRecoveryCode('')).toEqual({ kind: 'not-a-code' });
  });
});

describe('a key slot', () => {
  const slot = (change: object = {}, scrypt: object = {}) =>
    Buffer.from(
      JSON.stringify({
        what: 'waymark key',
        format: 1,
        kind: 'password',
        scrypt: { ...scryptCost, ...scrypt },
        salt: '00'.repeat(32),
        nonce: '00'.repeat(12),
        sealed: '00'.repeat(48),
        ...change,
      }),
    );

  it('is read within bounds: 128·N·r up to 256 MiB, p up to 4', () => {
    expect(decodeSlot(slot())).not.toBe(null);
    expect(decodeSlot(slot({}, { n: 2 ** 18, r: 8, p: 4 }))).not.toBe(null);
    for (const scrypt of [
      { n: 2 ** 19 },
      { n: 2 ** 18, r: 9 },
      { p: 5 },
      { p: 0 },
      { n: 1000 },
      { n: 1 },
      { n: -2 },
      { r: 1.5 },
      { n: '131072' },
    ]) {
      expect(decodeSlot(slot({}, scrypt)), JSON.stringify(scrypt)).toBe(null);
    }
  });

  it('that is none is passed over', () => {
    for (const change of [
      { what: 'else' },
      { format: 2 },
      { kind: 'magic' },
      { salt: '00' },
      { nonce: '00'.repeat(13) },
      { sealed: 'zz'.repeat(48) },
      { scrypt: null },
    ]) {
      expect(decodeSlot(slot(change)), JSON.stringify(change)).toBe(null);
    }
    for (const bytes of ['', '{', '[]', 'null', '7']) {
      expect(decodeSlot(Buffer.from(bytes)), bytes).toBe(null);
    }
  });
});
