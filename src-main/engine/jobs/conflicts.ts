/**
 * THE TABLE of what may run beside what. A job that starts is looked up against every job that runs
 * or waits before it: once for the same machine, once for the same repository.
 *
 *   -  no interaction     w  the new one waits for the other     r  the new one is refused
 *
 * Same machine: one job at a time changes or reads a machine; what only reads a repository does not
 * touch it. A second backup of a machine is a mistake or a second click, so it is refused. There is
 * one practice machine, so two practice jobs always share it, also before it exists.
 *
 *   starting \ running   backup restore verify rebuild gc delete practice repair
 *   backup                 r      -       -      -     -    -       w       w
 *   restore                -      -       -      -     -    -       w       -
 *   verify                 -      -       -      -     -    -       -       -
 *   rebuild                -      -       -      -     -    -       -       -
 *   gc                     -      -       -      -     -    -       -       -
 *   point-delete           -      -       -      -     -    -       -       -
 *   practice               r      r       -      -     -    -       r       r
 *   repair                 w      -       -      -     -    -       w       r
 *
 * Same repository: one writer at a time (backup, rebuild, gc, point-delete, repair); restore and
 * verify read beside a writer. A rebuild replaces the index the readers use, and gc removes what a
 * reader may have just looked up, so those two and readers stay apart.
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

export const jobKinds: readonly JobKind[] = [
  'backup',
  'restore',
  'verify',
  'rebuild',
  'gc',
  'point-delete',
  'practice',
  'repair',
];

/** One row a starting kind; its cells in the order of `jobKinds`. */
const table: Readonly<Record<Shared, Readonly<Record<JobKind, string>>>> = {
  machine: {
    backup: 'r-----ww',
    restore: '------w-',
    verify: '--------',
    rebuild: '--------',
    gc: '--------',
    'point-delete': '--------',
    practice: 'rr----rr',
    repair: 'w-----wr',
  },
  repository: {
    backup: 'w--wwwww',
    restore: '---w--ww',
    verify: '---ww-ww',
    rebuild: 'wwwrwwww',
    gc: 'wwwwrwww',
    'point-delete': 'w--wwwww',
    practice: 'rrrrrrrr',
    repair: 'wwwwwwwr',
  },
};

const answers: Readonly<Record<string, Answer>> = {
  '-': 'no interaction',
  w: 'wait',
  r: 'refuse',
};

/** What a starting job has to do about one that runs or waits before it and shares something. */
export function conflict(starting: JobKind, running: JobKind, shared: Shared): Answer {
  return answers[table[shared][starting].charAt(jobKinds.indexOf(running))] ?? 'refuse';
}
