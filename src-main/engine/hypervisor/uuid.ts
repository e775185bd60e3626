import { AppError } from '#contract/errors.ts';

const pattern = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/** The 16 bytes of a uuid. @throws `invalid-input` for anything else. */
export function uuidBytes(uuid: string): Buffer {
  if (!pattern.test(uuid)) throw new AppError('invalid-input', `This is not a uuid: ${uuid}`, {});
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

/** 16 bytes as the usual text, lower case. */
export function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  const cuts = [0, 8, 12, 16, 20, 32];
  return cuts
    .slice(1)
    .map((end, index) => hex.slice(cuts[index], end))
    .join('-');
}
