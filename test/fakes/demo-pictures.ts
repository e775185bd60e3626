/** Pictures of invented screens: a text console with words drawn as bars, different by name. */
import { crc32, deflateSync } from 'node:zlib';

const width = 320;
const height = 200;
const line = 10;
const ink = 200;
const ground = 16;

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(8 + body.length);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), 4 + body.length);
  return out;
}

/** One grey byte a pixel; a filter byte of 0 before every row. */
function pixels(name: string): Buffer {
  const rows = Buffer.alloc((width + 1) * height, ground);
  let seed = crc32(name);
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const lines = 8 + next(10);
  for (let row = 0; row < lines; row += 1) {
    let x = 8;
    for (let words = 2 + next(5); words > 0 && x < width - 60; words -= 1) {
      const word = 8 + next(44);
      for (let y = 0; y < 4; y += 1) {
        const from = (8 + row * line + y) * (width + 1) + 1 + x;
        rows.fill(words % 4 === 1 ? ink : ink - 70, from, from + word);
      }
      x += word + 6;
    }
  }
  for (let y = 0; y < height; y += 1) rows[y * (width + 1)] = 0;
  return rows;
}

/** A PNG, base64. */
export function demoPicture(name: string): { readonly mime: string; readonly base64: string } {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.writeUInt8(8, 8); // bits a sample, greyscale, and the only methods PNG has
  const png = Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(pixels(name))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
  return { mime: 'image/png', base64: png.toString('base64') };
}
