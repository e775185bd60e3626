/** What a retention would keep and remove, in words for a terminal. */
import type {
  KeepReason,
  PreviewMachine,
  PreviewPoint,
  RetentionPreview,
} from '#contract/plans.ts';
import { moment, size, table } from './words.ts';

const keepReasonWords: Readonly<Record<KeepReason, string>> = {
  last: 'one of the last',
  hourly: 'hourly',
  daily: 'daily',
  weekly: 'weekly',
  monthly: 'monthly',
  yearly: 'yearly',
  pinned: 'pinned',
  'newest-good': 'the newest good one',
  'machine-gone': 'its machine is gone',
  'not-ruled': 'no rule is for it',
};

function goes({ keep }: PreviewPoint): boolean {
  return keep.length === 0;
}

function freed(points: readonly PreviewPoint[]): number {
  return points.reduce((sum, { freesBytes }) => sum + (freesBytes ?? 0), 0);
}

function oldestLeft(points: readonly PreviewPoint[]): string {
  const oldest = points.find((point) => !goes(point));
  return oldest === undefined ? 'none' : moment(oldest.time);
}

function repositoryTable({ repositories }: RetentionPreview): string {
  return table(
    ['repository', 'stay', 'go', 'frees', 'of', 'free', 'full'],
    repositories.map((one) => [
      one.repository.name,
      String(one.stay),
      String(one.go),
      size(one.freesBytes),
      size(one.usedBytes),
      one.freeBytes === null ? 'unknown' : size(one.freeBytes),
      one.fullAt === null ? 'cannot be told' : moment(one.fullAt),
    ]),
  );
}

function machineTable({ machines }: RetentionPreview): string {
  return table(
    ['machine', 'repository', 'stay', 'go', 'frees', 'oldest then', 'in a year'],
    machines.map(({ name, repository, now, inAYear }) => {
      const going = now.filter(goes);
      return [
        name,
        repository.name,
        String(now.length - going.length),
        String(going.length),
        size(freed(going)),
        oldestLeft(now),
        String(inAYear.filter((point) => !goes(point)).length),
      ];
    }),
  );
}

function pointRows(
  { name, repository, now }: PreviewMachine,
  all: boolean,
): readonly (readonly string[])[] {
  return now
    .filter((point) => all || goes(point))
    .map((point) => [
      goes(point) ? 'goes' : 'stays',
      moment(point.time),
      name,
      repository.name,
      point.id ?? '',
      point.freesBytes === null ? '' : size(point.freesBytes),
      point.keep.map((reason) => keepReasonWords[reason]).join(', '),
    ]);
}

function firstRemovalWords({ firstRemoval, graceSeconds }: RetentionPreview): string {
  if (firstRemoval === null) return 'Nothing is removed.';
  const days = Math.round(graceSeconds / 86_400);
  return (
    `Nothing goes now. The first removal is at ${moment(firstRemoval)}; for ${days} ` +
    `day${days === 1 ? '' : 's'} after that a removed point can be taken back.`
  );
}

/** `all`: every point and why it stays, not only those that go. */
export function previewWords(preview: RetentionPreview, all: boolean): string {
  const rows = preview.machines.flatMap((machine) => pointRows(machine, all));
  if (preview.machines.every(({ now }) => now.length === 0)) return 'There are no points yet.';
  return [
    repositoryTable(preview),
    machineTable(preview),
    ...(rows.length === 0
      ? []
      : [table(['', 'time', 'machine', 'repository', 'point', 'frees', 'because'], rows)]),
    firstRemovalWords(preview),
  ].join('\n\n');
}
