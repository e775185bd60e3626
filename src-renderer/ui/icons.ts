/**
 * The drawings of the product's own marks, on a 16 px grid: strokes are drawn 1.5 px wide with
 * round ends, fills are solid. Kinds, states and machine marks must stay as they are drawn here;
 * everything is one colour, the one of the text around it.
 */

interface Drawing {
  readonly strokes: readonly string[];
  readonly fills?: readonly string[];
  /** Gaps in the strokes, for what does not exist yet. */
  readonly dashed?: boolean;
}

const circle = (x: number, y: number, r: number): string =>
  `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;

const box = (x: number, y: number, width: number, height: number, r: number): string =>
  `M${x + r} ${y}h${width - 2 * r}a${r} ${r} 0 0 1 ${r} ${r}v${height - 2 * r}` +
  `a${r} ${r} 0 0 1 ${-r} ${r}h${2 * r - width}a${r} ${r} 0 0 1 ${-r} ${-r}` +
  `v${2 * r - height}a${r} ${r} 0 0 1 ${r} ${-r}z`;

const tray = 'M2.25 9.5v3a1.75 1.75 0 0 0 1.75 1.75h8a1.75 1.75 0 0 0 1.75-1.75v-3';
const ring = circle(8, 8, 6);

const drawings = {
  // The three kinds of point
  snapshot: {
    strokes: ['M3.3 6.1A5.25 5.25 0 1 1 2.8 8.7', 'M3 2.8v3.4h3.4'],
    fills: [circle(8, 8, 1.6)],
  },
  checkpoint: { strokes: ['M4.25 14V2.25', 'M4.25 3h8.5l-2.4 2.75 2.4 2.75h-8.5'] },
  restore: {
    strokes: [],
    fills: [
      box(1.5, 2, 13, 3.75, 1),
      'M2.5 6.9h11v5.6A1.5 1.5 0 0 1 12 14H4a1.5 1.5 0 0 1-1.5-1.5z' +
        'M5.9 8.5a.75.75 0 0 0 0 1.5h4.2a.75.75 0 0 0 0-1.5z',
    ],
  },
  gap: { strokes: ['M6.5 2 4 14M12 2 9.5 14'] },
  pin: { strokes: ['M5.5 2.25h5M6.25 2.5v4L4.25 9.25h7.5l-2-2.75v-4M8 9.5v4.5'] },
  // Protection and outcomes
  protected: {
    strokes: [
      'M8 1.75 13.25 3.6v4c0 3.1-2.2 5.4-5.25 6.65C4.95 13 2.75 10.7 2.75 7.6v-4z',
      'm5.6 7.9 1.7 1.7 3.2-3.4',
    ],
  },
  overdue: { strokes: [ring, 'M8 4.75V8l2.3 1.6'] },
  failing: {
    strokes: ['M5.5 1.75h5l3.75 3.75v5l-3.75 3.75h-5L1.75 10.5v-5z', 'm6 6 4 4m0-4-4 4'],
  },
  never: { strokes: [ring], dashed: true },
  good: { strokes: [ring, 'm5.4 8.2 1.8 1.8 3.4-3.7'] },
  bad: { strokes: [ring, 'm5.9 5.9 4.2 4.2m0-4.2-4.2 4.2'] },
  warn: { strokes: ['M8 2.25 14.5 13.25h-13z', 'M8 6.5v3'], fills: [circle(8, 11.4, 0.9)] },
  info: { strokes: [ring, 'M8 7.5v3.25'], fills: [circle(8, 5.2, 0.9)] },
  // What a machine is doing
  run: {
    strokes: [],
    fills: ['M4.75 3.1v9.8a.6.6 0 0 0 .92.5l7.4-4.9a.6.6 0 0 0 0-1L5.67 2.6a.6.6 0 0 0-.92.5z'],
  },
  off: { strokes: ['M5.1 3.6a5.5 5.5 0 1 0 5.8 0M8 1.75v5.5'] },
  pause: { strokes: ['M5.5 3.5v9m5-9v9'] },
  sleep: { strokes: ['M13 9.6A5.5 5.5 0 0 1 6.4 3a5.5 5.5 0 1 0 6.6 6.6z'] },
  question: {
    strokes: [ring, 'M6.4 6.4a1.65 1.65 0 1 1 2.3 1.6c-.5.2-.7.5-.7 1'],
    fills: [circle(8, 11.1, 0.85)],
  },
  turn: { strokes: ['M8 2a6 6 0 1 0 6 6'] },
  // Sections
  practice: { strokes: ['M8 1.75v12.5M8 3h5l1.5 1.75L13 6.5H8M8 7.75H3L1.5 9.5 3 11.25h5'] },
  machines: { strokes: [box(1.75, 2.75, 12.5, 8.5, 1.5), 'M5.5 13.75h5'] },
  plans: {
    strokes: [
      box(2.25, 3, 11.5, 11, 1.5),
      'M2.5 6.5h11M5.25 1.75v2.5m5.5-2.5v2.5',
      'm5.9 10 1.5 1.5 2.8-3',
    ],
  },
  repositories: {
    strokes: [
      'M2.5 4a5.5 2.25 0 1 0 11 0a5.5 2.25 0 1 0 -11 0z',
      'M2.5 4v8c0 1.25 2.45 2.25 5.5 2.25s5.5-1 5.5-2.25V4',
      'M2.5 8c0 1.25 2.45 2.25 5.5 2.25S13.5 9.25 13.5 8',
    ],
  },
  jobs: {
    strokes: [
      'M6.5 3.75h7.75M6.5 8h7.75M6.5 12.25h7.75',
      'M1.75 3.5 2.9 4.6 4.6 2.6',
      circle(2.9, 8, 0.9),
      circle(2.9, 12.25, 0.9),
    ],
  },
  history: {
    strokes: ['M2.9 5.6A5.75 5.75 0 1 1 2.25 8', 'M2.5 2.5v3.25h3.25', 'M8 5v3.2l2 1.3'],
  },
  settings: {
    strokes: ['M1.75 4.5h6m4.5 0h2M1.75 11.5h2m4.5 0h6', circle(10, 4.5, 2), circle(6, 11.5, 2)],
  },
  computer: { strokes: [box(2.25, 2.75, 11.5, 7.75, 1.5), 'M1.25 13.25h13.5'] },
  server: {
    strokes: [
      box(2.25, 2.25, 11.5, 4.75, 1.25),
      box(2.25, 9, 11.5, 4.75, 1.25),
      'M5 4.6h.01M5 11.4h.01',
    ],
  },
  folder: {
    strokes: [
      'M1.75 12V4a1.25 1.25 0 0 1 1.25-1.25h3.2L7.9 4.6H13A1.25 1.25 0 0 1 14.25 5.9V12' +
        'A1.25 1.25 0 0 1 13 13.25H3A1.25 1.25 0 0 1 1.75 12z',
    ],
  },
  disk: {
    strokes: [box(1.75, 4.25, 12.5, 7.5, 1.5), 'M4.5 8.75h3'],
    fills: [circle(11.5, 8.75, 0.9)],
  },
  // Actions
  backup: { strokes: ['M8 1.75v7m0 0L5.25 6M8 8.75 10.75 6', tray] },
  bring: { strokes: ['M8 9V2m0 0L5.25 4.75M8 2l2.75 2.75', tray] },
  undo: { strokes: ['M3 6.25h6.75a3.5 3.5 0 0 1 0 7H6.5', 'M5.75 3.25 2.75 6.25l3 3'] },
  again: { strokes: ['M13.1 5.6A5.75 5.75 0 1 0 13.75 8', 'M13.5 2.5v3.25h-3.25'] },
  trash: {
    strokes: [
      'M2.5 4.25h11M6 4V2.5h4V4m-6.25.5.6 8a1.25 1.25 0 0 0 1.25 1.25h4.8a1.25 1.25 0 0 0 ' +
        '1.25-1.25l.6-8',
    ],
  },
  copy: {
    strokes: [
      box(5.25, 5.25, 8.5, 8.5, 1.5),
      'M10.75 5V3.75a1.5 1.5 0 0 0-1.5-1.5h-5.5a1.5 1.5 0 0 0-1.5 1.5v5.5a1.5 1.5 0 0 0 1.5 1.5H5',
    ],
  },
  save: { strokes: ['M8 2v8.25m0 0L4.75 7M8 10.25 11.25 7', 'M2.75 13.75h10.5'] },
  print: {
    strokes: [
      'M4.5 5.5V2.25h7V5.5',
      'M4.5 11.25H2.25V5.5h11.5v5.75H11.5',
      box(4.5, 9, 7, 4.75, 0.5),
    ],
  },
  lock: { strokes: [box(3, 7, 10, 7, 1.5), 'M5 7V5a3 3 0 0 1 6 0v2'] },
  unlock: { strokes: [box(3, 7, 10, 7, 1.5), 'M5 7V5a3 3 0 0 1 5.7-1.3'] },
  key: { strokes: [circle(5, 11, 2.75), 'M7 9l6.25-6.25M10.5 5.5l2 2'] },
  eye: {
    strokes: ['M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8z', circle(8, 8, 2)],
  },
  'eye-off': {
    strokes: ['M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8z', 'M2.5 13.5l11-11'],
  },
  search: { strokes: [circle(7, 7, 4.5), 'm10.5 10.5 3.5 3.5'] },
  terminal: { strokes: [box(1.75, 2.75, 12.5, 10.5, 1.5), 'm4.5 6 2 2-2 2M8.5 10.25h3'] },
  more: { strokes: [], fills: [circle(3.25, 8, 1.3), circle(8, 8, 1.3), circle(12.75, 8, 1.3)] },
  plus: { strokes: ['M8 3v10M3 8h10'] },
  minus: { strokes: ['M3.5 8h9'] },
  tick: { strokes: ['m3.25 8.5 3.1 3.1 6.4-7'] },
  close: { strokes: ['m3.75 3.75 8.5 8.5m0-8.5-8.5 8.5'] },
  left: { strokes: ['M10 3.5 5.5 8l4.5 4.5'] },
  right: { strokes: ['m6 3.5 4.5 4.5L6 12.5'] },
  up: { strokes: ['M3.5 10 8 5.5l4.5 4.5'] },
  down: { strokes: ['M3.5 6 8 10.5 12.5 6'] },
} as const satisfies Readonly<Record<string, Drawing>>;

export type IconName = keyof typeof drawings;

export function drawingOf(name: IconName): Drawing {
  return drawings[name];
}
