/**
 * What a disk is expected to hold, kept apart from every real disk: for each sector the number of
 * the write that filled it, 0 for zeroes. The bytes of a sector say which write and which sector
 * they are, so that a wrong one tells where it came from.
 */
export const sectorBytes = 512;
const unitBytes = 16;
const magic = 0x57_4d_54_31; // "WMT1"

/** One number a sector. Never changed after it was made: a moment may be kept as it is. */
export type Sectors = Uint32Array;

export function zeroes(sizeBytes: number): Sectors {
  if (sizeBytes % sectorBytes !== 0) throw new Error(`${sizeBytes} bytes are no whole sectors`);
  return new Uint32Array(sizeBytes / sectorBytes);
}

/** The same disk after a write; number 0 writes zeroes. */
export function written(before: Sectors, first: number, count: number, write: number): Sectors {
  const after = before.slice();
  after.fill(write, first, first + count);
  return after;
}

export function equal(a: Sectors, b: Sectors): boolean {
  return Buffer.compare(rawBytes(a), rawBytes(b)) === 0;
}

function rawBytes(sectors: Sectors): Buffer {
  return Buffer.from(sectors.buffer, sectors.byteOffset, sectors.byteLength);
}

/** The bytes that fill `count` sectors from `first` on. */
export function bytesOf(write: number, first: number, count: number): Buffer {
  const bytes = Buffer.alloc(count * sectorBytes);
  if (write === 0) return bytes;
  for (let sector = 0; sector < count; sector += 1) {
    const unit = unitOf(write, first + sector);
    bytes.fill(unit, sector * sectorBytes, (sector + 1) * sectorBytes);
  }
  return bytes;
}

function unitOf(write: number, sector: number): Buffer {
  const unit = Buffer.alloc(unitBytes);
  unit.writeUInt32LE(magic, 0);
  unit.writeUInt32LE(write, 4);
  unit.writeUInt32LE(sector, 8);
  unit.writeUInt32LE(~write >>> 0, 12);
  return unit;
}

/** Neighbouring sectors that are wrong in the same way. */
export interface Difference {
  readonly first: number;
  readonly count: number;
  /** Number of the write that should be there. */
  readonly expected: number;
  /** In words: "zeroes", "write 12", "write 12 of sector 88", "other bytes". */
  readonly found: string;
}

/** Compares a disk with what it should hold; empty when they are equal. */
export function differences(bytes: Buffer, expected: Sectors): readonly Difference[] {
  const all: { first: number; count: number; expected: number; found: string }[] = [];
  const sectors = Math.max(expected.length, Math.ceil(bytes.length / sectorBytes));
  for (let sector = 0; sector < sectors; sector += 1) {
    const wanted = expected[sector] ?? 0;
    const piece = bytes.subarray(sector * sectorBytes, (sector + 1) * sectorBytes);
    if (sector < expected.length && holds(piece, wanted, sector)) continue;
    const found = describe(piece, sector);
    const last = all.at(-1);
    const joins = last !== undefined && last.first + last.count === sector;
    if (joins && last.expected === wanted && last.found === found) last.count += 1;
    else all.push({ first: sector, count: 1, expected: wanted, found });
  }
  return all;
}

const zeroSector = Buffer.alloc(sectorBytes);

function holds(piece: Buffer, write: number, sector: number): boolean {
  if (write === 0) return piece.equals(zeroSector);
  if (piece.length !== sectorBytes || piece.readUInt32LE(4) !== write) return false;
  return piece.equals(bytesOf(write, sector, 1));
}

function describe(piece: Buffer, sector: number): string {
  if (piece.length !== sectorBytes) return `only ${piece.length} bytes`;
  if (piece.equals(zeroSector)) return 'zeroes';
  const [write, of] = [piece.readUInt32LE(4), piece.readUInt32LE(8)];
  if (!piece.equals(bytesOf(write, of, 1))) return 'other bytes';
  return of === sector ? `write ${write}` : `write ${write} of sector ${of}`;
}

/** The first few differences as lines for a person. */
export function tell(found: readonly Difference[], most = 6): readonly string[] {
  const lines = found.slice(0, most).map(({ first, count, expected, found: what }) => {
    const range = count === 1 ? `sector ${first}` : `sectors ${first} to ${first + count - 1}`;
    return `${range}: ${expected === 0 ? 'zeroes' : `write ${expected}`} expected, ${what} found`;
  });
  if (found.length > most) lines.push(`and ${found.length - most} more ranges`);
  return lines;
}
