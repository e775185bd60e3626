/** Words of removed points and the clean-up that frees their space. */
export const kept = {
  'removed.title': 'Removed points',
  'removed.text': 'They can be taken back until a clean-up after the date shown.',
  'removed.load-problem': 'Could not look for removed points',
  'removed.point': 'Point',
  'removed.by': 'Removed',
  'removed.by-text': '{who}, {when}',
  'removed.until': 'Safe until',
  'removed.next-clean-up': 'The next clean-up',
  'removed.take-back': 'Take back',
  'removed.take-back-of': 'Take back {machine}, {when}',
  'removed.take-all-back': 'Take all back',
  'removed.taken-back': {
    one: '{count} point is back',
    other: '{count} points are back',
  },
  'removed.clean-up': 'Clean up…',

  'clean-up.title': 'Clean up {name}',
  'clean-up.do': 'Clean up',
  'clean-up.looking': 'Looking what nothing needs any more…',
  'clean-up.nothing': 'There is nothing to free yet. Removed points stay until their date.',
  'clean-up.frees': 'Frees {size}.',
  'clean-up.packs': '{deleted} packs are deleted, {rewritten} are written again without the rest.',
  'clean-up.gone': {
    one: '{count} removed point cannot be taken back any more. No other point is touched.',
    other: '{count} removed points cannot be taken back any more. No other point is touched.',
  },
} as const;
