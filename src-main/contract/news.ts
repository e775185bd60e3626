/** What a person hears of the plans, by which ways, and who runs them while no window is open. */
import * as v from 'valibot';
import type { MachineId } from './domain.ts';
import type { WireError } from './errors.ts';
import { maxArguments, type PlanId } from './plans.ts';

/** Where news goes beside the desktop's notices. */
export const channelsCheck = v.strictObject({
  desktop: v.boolean(),
  /** Run with the news as JSON on its standard input. */
  command: v.nullable(
    v.strictObject({
      argv: v.pipe(
        v.array(v.pipe(v.string(), v.maxLength(4096))),
        v.minLength(1),
        v.maxLength(maxArguments),
      ),
    }),
  ),
  /** Through a local sendmail. */
  mail: v.nullable(
    v.strictObject({ to: v.pipe(v.string(), v.trim(), v.email(), v.maxLength(254)) }),
  ),
  webhook: v.nullable(v.strictObject({ url: v.pipe(v.string(), v.url(), v.maxLength(2048)) })),
  /** A report each week into this folder; null: only when asked. */
  weeklyReport: v.nullable(
    v.strictObject({ folder: v.pipe(v.string(), v.startsWith('/'), v.maxLength(4096)) }),
  ),
});
export type Channels = v.InferOutput<typeof channelsCheck>;
export const channelNames = ['desktop', 'command', 'mail', 'webhook'] as const;
export type ChannelName = (typeof channelNames)[number];

/** Something a person should hear of; a host with a desktop shows it as a notice. */
export interface News {
  readonly id: string;
  readonly kind: 'failed' | 'done' | 'overdue' | 'test';
  readonly title: string;
  readonly body: string;
  readonly time: number;
  readonly plan: PlanId | null;
  readonly machine: MachineId | null;
}

export type ChannelTest =
  { readonly kind: 'sent' } | { readonly kind: 'failed'; readonly error: WireError };

/** Who would run a plan while the window is closed: looked at, not assumed. */
export interface Background {
  /** This engine, now. */
  readonly running: 'electron' | 'browser' | 'command-line';
  readonly service:
    | { readonly kind: 'unsupported'; readonly words: string }
    | { readonly kind: 'not-installed' }
    | {
        readonly kind: 'installed';
        readonly path: string;
        readonly active: boolean;
        /** Runs on while nobody is logged in. */
        readonly lingering: boolean;
        readonly words: string;
      };
  /** A desktop file that starts Waymark when this user logs in. */
  readonly autostart: { readonly installed: boolean; readonly path: string };
  /** When the scheduler last looked at the plans; null when it has not. */
  readonly lastLook: number | null;
}
