/**
 * Known-answer tests of every primitive the repository relies on, run once before the first one is
 * opened: a runtime may have a function and still answer "not supported" when it is called.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  scryptSync,
} from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { AppError } from '#contract/errors.ts';

interface Check {
  readonly name: string;
  /** Hex of what the primitive answers. */
  readonly run: () => string;
  readonly expected: string;
}

const hex = (bytes: ArrayBuffer | Uint8Array) => Buffer.from(bytes as Uint8Array).toString('hex');

export const checks: readonly Check[] = [
  {
    name: 'SHA-256', // FIPS 180-2, appendix B.1
    run: () => createHash('sha256').update('abc').digest('hex'),
    expected: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  },
  {
    name: 'HMAC-SHA-256', // RFC 4231, test case 2
    run: () => createHmac('sha256', 'Jefe').update('what do ya want for nothing?').digest('hex'),
    expected: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  },
  {
    name: 'HKDF-SHA-256', // RFC 5869, test case 3
    run: () => hex(hkdfSync('sha256', Buffer.alloc(22, 0x0b), '', '', 42)),
    expected:
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d' + '9d201395faa4b61a96c8',
  },
  {
    name: 'scrypt', // RFC 7914, section 12, first vector: the second holds the loop for 50 ms
    run: () => hex(scryptSync('', '', 64, { N: 16, r: 1, p: 1 })),
    expected:
      '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442' +
      'fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906',
  },
  {
    name: 'AES-256-GCM', // The Galois/Counter Mode of Operation, test case 16
    run: () => {
      const { key, nonce, aad, plain } = gcmCase;
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
      cipher.setAAD(aad);
      const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
      const tag = cipher.getAuthTag();
      const reader = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
      reader.setAAD(aad);
      reader.setAuthTag(tag);
      const opened = Buffer.concat([reader.update(sealed), reader.final()]);
      return opened.equals(plain) ? hex(Buffer.concat([sealed, tag])) : 'did not open';
    },
    expected:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
      '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662' +
      '76fc6ece0f4e1768cddf8853bb2d551b',
  },
  {
    name: 'zstd',
    run: () => zstdDecompressSync(zstdCompressSync(Buffer.alloc(1000, 7))).toString('hex'),
    expected: '07'.repeat(1000),
  },
];

const gcmCase = {
  key: Buffer.from('feffe9928665731c6d6a8f9467308308'.repeat(2), 'hex'),
  nonce: Buffer.from('cafebabefacedbaddecaf888', 'hex'),
  aad: Buffer.from('feedfacedeadbeeffeedfacedeadbeefabaddad2', 'hex'),
  plain: Buffer.from(
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
      '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    'hex',
  ),
};

let passed = false;

/** Throws `unsupported` with the name of the first primitive that answers wrongly. */
export function selfTest(list: readonly Check[] = checks): void {
  if (passed && list === checks) return;
  for (const { name, run, expected } of list) {
    let answer: string;
    try {
      answer = run();
    } catch (thrown) {
      throw failed(name, thrown);
    }
    if (answer !== expected) throw failed(name);
  }
  if (list === checks) passed = true;
}

function failed(name: string, cause?: unknown): AppError {
  return new AppError(
    'unsupported',
    `This runtime's ${name} does not give the answer it must, so no repository is opened with it.`,
    { primitive: name, unharmed: 'Nothing was read or written.' },
    cause,
  );
}
