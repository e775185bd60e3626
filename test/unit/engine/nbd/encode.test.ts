import { describe, expect, it } from 'vitest';
import { command } from '#engine/nbd/constants.ts';
import {
  encodeClientFlags,
  encodeGo,
  encodeOption,
  encodeRequest,
  encodeSetMetaContext,
} from '#engine/nbd/encode.ts';

describe('what the client says', () => {
  it('asks options in the layout of the protocol', () => {
    expect(encodeClientFlags(3).toString('hex')).toBe('00000003');
    expect(encodeOption(8).toString('hex')).toBe('49484156454f5054' + '00000008' + '00000000');
    expect(encodeGo('ä').toString('hex')).toBe(
      '49484156454f5054' + '00000007' + '0000000a' + '00000002' + 'c3a4' + '0001' + '0003',
    );
    expect(encodeSetMetaContext('', ['a:b']).toString('hex')).toBe(
      '49484156454f5054' + '0000000a' + '0000000f' + '00000000' + '00000001' + '00000003613a62',
    );
  });

  it('writes a request of 28 bytes with an offset beyond 32 bits', () => {
    const bytes = encodeRequest(command.write, 0xfedcba98, 2 ** 46 + 512, 0xffffffff);
    expect(bytes.toString('hex')).toBe(
      '25609513' + '0000' + '0001' + '00000000fedcba98' + '0000400000000200' + 'ffffffff',
    );
  });

  it('refuses what does not fit its field', () => {
    expect(() => encodeRequest(command.read, 1, -1, 1)).toThrow(RangeError);
    expect(() => encodeRequest(command.read, 1, 2 ** 53, 1)).toThrow(RangeError);
    expect(() => encodeRequest(command.read, 1, 0, 2 ** 32)).toThrow(RangeError);
    expect(encodeGo('x'.repeat(4096))).toHaveLength(16 + 4 + 4096 + 4);
    expect(() => encodeGo('x'.repeat(4097))).toThrow(
      expect.objectContaining({ code: 'nbd-option' }),
    );
  });
});
