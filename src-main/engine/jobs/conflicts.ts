/**
 * THE TABLE of what may run beside what. A job that starts is looked up against every job that runs
 * or waits before it: once for the same machine, once for the same repository.
 *
 *   -  no interaction     w  the new one waits for the other     r  the new one is refused
 *
 * Same machine: one job at a time changes or reads a machine; what only reads a repository does not
 * touch it. A second backup of a machine is a mistake or a second click, so it is refused. There is
 * one practice machine, so two practice jobs always share it, also before it exists. A change
 * (snapshot, revert, snapshot-delete, checkpoint, doctor) was planned for the machine as it was
 * shown: what a job before it would alter makes that plan wrong, so it is refused, never queued.
 *
 *   starting \ running   backup restore verify rebuild gc delete practice repair change
 *   backup                 r      -       -      -     -    -       w       w      w
 *   restore                -      -       -      -     -    -       w       -      -
 *   verify                 -      -       -      -     -    -       -       -      -
 *   rebuild                -      -       -      -     -    -       -       -      -
 *   gc                     -      -       -      -     -    -       -       -      -
 *   point-delete           -      -       -      -     -    -       -       -      -
 *   practice               r      r       -      -     -    -       r       r      r
 *   repair                 w      -       -      -     -    -       w       r      w
 *   a change               r      -       -      -     -    -       r       r      r
 *
 * Same repository: one writer at a time (backup, rebuild, gc, point-delete, repair); restore and
 * verify read beside a writer. A rebuild replaces the index the readers use, and gc removes what a
 * reader may have just looked up, so those two and readers stay apart. A change of a machine uses
 * no repository.
 *
 *   starting \ running   backup restore verify rebuild gc delete practice repair
 *   backup                 w      -       -      w     w    w       w       w
 *   restore                -      -       -      w     -    -       w       w
 *   verify                 -      -       -      w     w    -       w       w
 *   rebuild                w      w       w      r     w    w       w       w
 *   gc                     w      w       w      w     r    w       w       w
 *   point-delete           w      -       -      w     w    w       w       w
 *   practice               r      r       r      r     r    r       r       r
 *   repair                 w      w       w      w     w    w       w       r
 */
import type { JobKind } from '#contract/domain.ts';

export type Shared = 'machine' | 'repository';
export type Answer = 'no interaction' | 'wait' | 'refuse';

/** The columns: what a kind counts as. */
const columns = [
  'backup',
  'restore',
  'verify',
  'rebuild',
  'gc',
  'point-delete',
  'practice',
  'repair',
  'change',
] as const;
type Column = (typeof columns)[number];

const columnOf: Readonly<Record<JobKind, Column>> = {
  backup: 'backup',
  restore: 'restore',
  verify: 'verify',
  rebuild: 'rebuild',
  gc: 'gc',
  'point-delete': 'point-delete',
  practice: 'practice',
  repair: 'repair',
  snapshot: 'change',
  revert: 'change',
  'snapshot-delete': 'change',
  checkpoint: 'change',
  doctor: 'change',
};

export const jobKinds = Object.keys(columnOf) as readonly JobKind[];

/** One row a starting kind; its cells in the order of `columns`. */
const table: Readonly<Record<Shared, Readonly<Record<Column, string>>>> = {
  machine: {
    backup: 'r-----www',
    restore: '------w--',
    verify: '---------',
    rebuild: '---------',
    gc: '---------',
    'point-delete': '---------',
    practice: 'rr----rrr',
    repair: 'w-----wrw',
    change: 'r-----rrr',
  },
  repository: {
    backup: 'w--wwwww-',
    restore: '---w--ww-',
    verify: '---ww-ww-',
    rebuild: 'wwwrwwww-',
    gc: 'wwwwrwww-',
    'point-delete': 'w--wwwww-',
    practice: 'rrrrrrrr-',
    repair: 'wwwwwwwr-',
    change: '---------',
  },
};

const answers: Readonly<Record<string, Answer>> = {
  '-': 'no interaction',
  w: 'wait',
  r: 'refuse',
};

/** What a starting job has to do about one that runs or waits before it and shares something. */
export function conflict(starting: JobKind, running: JobKind, shared: Shared): Answer {
  const row = table[shared][columnOf[starting]];
  return answers[row.charAt(columns.indexOf(columnOf[running]))] ?? 'refuse';
}
