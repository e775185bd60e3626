import { describe, expect, test } from 'vitest';
import { pieces, t } from '../../../../src-renderer/text/catalogue.ts';
import { en } from '../../../../src-renderer/text/en.ts';

describe('t', () => {
  test('gives a phrase as it stands', () => {
    expect(t('action.back-up')).toBe('Back up');
  });

  test('fills the gaps', () => {
    expect(t('backup.title', { name: 'web-01' })).toBe('Back up web-01');
  });

  test('chooses the plural form by count, and writes the count with separators', () => {
    expect(t('count.disks', { count: 1 })).toBe('1 disk');
    expect(t('count.disks', { count: 0 })).toBe('0 disks');
    expect(t('count.points', { count: 12345 })).toBe('12,345 points');
  });

  test('never reads a name as a gap', () => {
    expect(t('backup.title', { name: '{count} {name}' })).toBe('Back up {count} {name}');
  });

  test('gives the values as pieces of their own, so that a screen can isolate them', () => {
    expect(pieces('restore.where.name-taken', { host: 'שרת' })).toEqual([
      { kind: 'words', text: 'A machine of this name exists on ' },
      { kind: 'value', name: 'host', text: 'שרת' },
      { kind: 'words', text: '.' },
    ]);
  });
});

type Phrase = string | { readonly one: string; readonly other: string };
const phrases: readonly (readonly [string, string])[] = Object.entries(
  en as Readonly<Record<string, Phrase>>,
).flatMap(([key, phrase]): (readonly [string, string])[] =>
  typeof phrase === 'string'
    ? [[key, phrase]]
    : [
        [`${key} (one)`, phrase.one],
        [`${key} (other)`, phrase.other],
      ],
);

describe('glossary', () => {
  // One term per concept (product.md, ux.md L1 and L2). Each line: what may not be said, and why.
  const forbidden: readonly (readonly [RegExp, string])[] = [
    [/\bplease\b/i, 'no please'],
    [/\boops|uh-oh|sorry\b/i, 'no apologies'],
    [/\b(VMs?|domains?|guests?|virtual machines?)\b(?! agent)/i, 'it is a machine'],
    [/\bhypervisors?\b|\bservers?\b/i, 'it is a host'],
    [/\bbackup (images?|points?|files?)\b|\barchives?\b/i, 'it is a restore point'],
    [/\b(recovery|restoration) points?\b/i, 'it is a restore point'],
    [/\b(vaults?|datastores?|backup targets?|destinations?)\b/i, 'it is a repository'],
    [/\b(schedules?|policy|policies)\b/i, 'it is a plan'],
    [/\b(tasks?|activit(y|ies))\b/i, 'it is a job'],
    [/\bconfirm\?$|are you sure/i, 'name the action instead'],
    [/\b(wizard|assistant)\b/i, 'the title names the outcome'],
    [/\b(click|tap) here\b/i, 'links say where they go'],
    [/!/, 'no exclamation marks'],
    [/\.\.\./, 'an ellipsis is one character'],
    [/\b[kMGT]B\b/, 'sizes are IEC'],
    [/\b(OK|Yes|Finish)$/, 'a button names its action'],
  ];

  test.each(forbidden)('no phrase says %s: %s', (bad) => {
    const found = phrases.filter(([, phrase]) => bad.test(phrase.replaceAll(/\{[^}]+\}/g, 'x')));
    expect(found).toEqual([]);
  });

  test('sentence case: no phrase capitalises a word that is not a name', () => {
    const names = new Set([
      'Waymark',
      'QEMU',
      'Now',
      'Later',
      'MiB',
      'GiB',
      'CD-ROM',
      'TPM',
      'NBD',
      'XML',
      'UEFI',
      'BIOS',
      'Ctrl',
      'Shift',
      'Tab',
      'Enter',
      'Esc',
      'Escape',
      'Delete',
      'Secret',
      'Service',
      'Linux',
      'GNOME',
      'I',
      'KDE',
      'MIT',
      'SQLite',
      'AppImage',
      'Home',
      'End',
      'Page',
      'Up',
      'Down',
      'Left',
      'Right',
      'Space',
      'Electron',
      'Chromium',
      'USB',
      'SSH',
      'Debian',
      'System',
      'ISO',
      'F1',
    ]);
    const found = phrases.filter(([, phrase]) => {
      const inner = phrase.replaceAll(/\{[^}]+\}|“[^”]*”|[a-z]+:\/\/\S+/g, 'x');
      const words = inner.split(/(?<=[.:?;…])\s+|\s+/);
      return words.some((word, at) => {
        const begins = at === 0 || /[.:?;…]$/.test(words[at - 1] ?? '');
        const plain = word.replaceAll(/[^\p{L}\d-]/gu, '');
        return !begins && /^\p{Lu}/u.test(plain) && !/^[\p{Lu}\d]/u.test(plain.slice(1))
          ? !names.has(plain)
          : false;
      });
    });
    expect(found).toEqual([]);
  });

  test('the form for one has no gap that the form for many lacks', () => {
    for (const [key, phrase] of Object.entries(en as Readonly<Record<string, Phrase>>)) {
      if (typeof phrase === 'string') continue;
      const gaps = (text: string) => new Set(text.match(/\{[^}]+\}/g));
      expect(
        [...gaps(phrase.one)].filter((gap) => !gaps(phrase.other).has(gap)),
        key,
      ).toEqual([]);
    }
  });

  test('no two files hold the same key: one would silently speak for the other', () => {
    const files = import.meta.glob<Readonly<Record<string, object>>>(
      '../../../../src-renderer/text/en-*.ts',
      { eager: true },
    );
    const keys = Object.values(files).flatMap((file) => Object.values(file).flatMap(Object.keys));
    expect(keys.length).toBeGreaterThan(500);
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
  });
});
