/** Every ink on every ground it may stand on, in both themes (ux.md A4), computed from the file. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(
  new URL('../../../../src-renderer/styles/tokens.css', import.meta.url),
  'utf8',
);

type Theme = 'light' | 'dark';
type Colour = readonly [number, number, number];

function parse(hex: string): Colour {
  const part = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16) / 255;
  return [part(1), part(3), part(5)];
}

const tokens = new Map<string, Readonly<Record<Theme, Colour>>>();
for (const [, name, light, dark] of css.matchAll(
  /--([a-z-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)/g,
)) {
  // The first definition counts: later ones are for people who ask for more contrast.
  if (!tokens.has(name!)) tokens.set(name!, { light: parse(light!), dark: parse(dark!) });
}

function colour(name: string, theme: Theme): Colour {
  const found = tokens.get(name);
  if (found === undefined) throw new Error(`There is no token --${name}.`);
  return found[theme];
}

function luminance(rgb: Colour): number {
  const [r, g, b] = rgb.map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function ratio(ink: string, ground: string, theme: Theme): number {
  const [a, b] = [luminance(colour(ink, theme)), luminance(colour(ground, theme))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

const grounds = [
  ...['window', 'sidebar', 'surface', 'raised', 'well', 'hover', 'selected', 'future'],
];
const tints = [
  ...['snapshot-tint', 'checkpoint-tint', 'restore-tint', 'protected-tint'],
  ...['overdue-tint', 'failing-tint', 'never-tint'],
];
const kinds = ['snapshot', 'checkpoint', 'restore', 'protected', 'overdue', 'failing', 'never'];

const pairs: readonly (readonly [ink: string, grounds: readonly string[], least: number])[] = [
  ['text', [...grounds, ...tints], 4.5],
  ['text-muted', [...grounds, ...tints], 4.5],
  ['text-faint', grounds, 4.5],
  ['accent', grounds, 4.5],
  ['on-accent', ['accent-fill', 'accent-fill-hover'], 4.5],
  ['on-danger', ['danger-fill', 'danger-fill-hover'], 4.5],
  ['on-toast', ['toast'], 4.5],
  ['text', ['nav-current'], 4.5],
  ...kinds.map((kind) => [kind, [...grounds, `${kind}-tint`], 4.5] as const),
  ['restore', ['keep-all', 'keep-day', 'keep-week', 'keep-month'], 3],
  ['focus', grounds, 3],
  ['line-control', ['window', 'surface', 'raised', 'well'], 3],
];

describe('the palette', () => {
  it('knows black on white', () => {
    tokens.set('black', { light: parse('#000000'), dark: parse('#000000') });
    tokens.set('white', { light: parse('#ffffff'), dark: parse('#ffffff') });
    expect(ratio('black', 'white', 'light')).toBeCloseTo(21, 5);
  });

  it.each(pairs)('%s can be told from %j', (ink, over, least) => {
    for (const theme of ['light', 'dark'] as const) {
      for (const ground of over) {
        const found = ratio(ink, ground, theme);
        expect(found, `${ink} on ${ground}, ${theme}`).toBeGreaterThanOrEqual(least - 0.05);
      }
    }
  });
});
