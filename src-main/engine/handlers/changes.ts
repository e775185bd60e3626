/** What a change of a machine is planned from and run with, taken from the rooms. */
import type { ActionPlan, MachineAction } from '#contract/actions.ts';
import type { JobId, MachineId } from '#contract/domain.ts';
import { AppError } from '#contract/errors.ts';
import { unmet } from '#contract/pre-flight.ts';
import { qemuIdentity, socketOfUri, workFolderPath } from '#engine/backup/host-access.ts';
import { endOurJob } from '#engine/backup/pull-job.ts';
import type { FoundMachine } from '#engine/fleet/fleet.ts';
import { newestReferences } from '#engine/fleet/timeline.ts';
import type { Hypervisor } from '#engine/hypervisor/hypervisor.ts';
import type { ExecuteParts } from '#engine/interlock/execute.ts';
import type { MachineFacts } from '#engine/interlock/facts.ts';
import { gather } from '#engine/interlock/gather.ts';
import type { JobContext } from '#engine/jobs/job-types.ts';
import type { Rooms } from '../engine.ts';
import { accessFolders } from './backups.ts';

/** The machine as it is now. `job` is the asking job itself, which is not in its own way. */
export async function factsOf(
  rooms: Rooms,
  found: FoundMachine,
  hypervisor: Hypervisor = found.hypervisor,
  job: JobId | null = null,
): Promise<MachineFacts> {
  const { catalog, jobs, changeLog } = rooms;
  const { uuid } = found.record;
  const points = catalog.points.pointsOfMachine(uuid);
  const running = jobs.ofMachine(found.id);
  return gather(rooms.world, hypervisor, uuid, {
    id: found.id,
    hostName: found.host.name,
    installation: catalog.settings.installation(),
    repositoryNames: new Map(catalog.repositories.list().map(({ id, name }) => [id, name])),
    references: new Set(newestReferences(points)),
    waymarkJob: running === null || running === job ? null : jobs.get(running).title,
    unfinished: changeLog.titleOf(uuid),
    undoable: await undoable(rooms, hypervisor, uuid),
    pointCount: points.length,
  });
}

/** The newest revert, if what it kept is still there. */
async function undoable(
  { catalog }: Rooms,
  hypervisor: Hypervisor,
  uuid: string,
): Promise<MachineFacts['undoable']> {
  const [newest] = catalog.reverts.ofMachine(uuid);
  if (newest === undefined || newest.kept === null) return null;
  const { snapshots } = await hypervisor.momentNames(uuid);
  return snapshots.includes(newest.kept) ? { to: newest.to, kept: newest.kept } : null;
}

export function executeParts(
  rooms: Rooms,
  hypervisor: Hypervisor,
  machine: { readonly uuid: string; readonly lostSince: number | null },
  context: JobContext,
): ExecuteParts {
  const { world, catalog, pictures } = rooms;
  const { uuid, lostSince } = machine;
  return {
    world,
    hypervisor,
    uuid,
    pictures: {
      keep: (snapshot) => pictures.keep(hypervisor, uuid, snapshot),
      drop: (snapshot) => pictures.drop(uuid, snapshot),
    },
    reverts: {
      note: (to, kept) => {
        catalog.reverts.note(uuid, {
          job: context.id,
          time: world.clock.now(),
          to,
          kept,
          lostSince,
        });
      },
      forget: (kept) => {
        catalog.reverts.forget(uuid, kept);
      },
      unnote: (to, since) => {
        catalog.reverts.unnote(uuid, to, since);
      },
    },
    problem: (text) => {
      context.addProblem(text);
    },
    endJob: (workFolder) => endOurJob(hypervisor, uuid, workFolder),
  };
}

/** Where a backup of this machine has its scratch files and socket. */
export async function workFolderOf(
  rooms: Rooms,
  hypervisor: Hypervisor,
  { uuid, liveXml, inactiveXml }: MachineFacts,
): Promise<string> {
  const { world, catalog } = rooms;
  const identity = await qemuIdentity(world, liveXml ?? inactiveXml, socketOfUri(hypervisor.uri));
  const owner = { uuid, installation: catalog.settings.installation() };
  return workFolderPath(world, accessFolders(rooms), identity, owner);
}

/** When the machine last was at a point that is kept; what came since is what a revert loses. */
export function keptSince({ snapshots, current, undoable }: MachineFacts): number | null {
  const at = snapshots.find(({ record }) => record.name === current);
  const kept = snapshots.find(({ record }) => record.name === undoable?.kept);
  const times = [at, kept].flatMap((one) => (one === undefined ? [] : [one.record.time]));
  return times.length === 0 ? null : Math.max(...times);
}

export interface Consent {
  readonly fingerprint: string;
  readonly accepted: readonly string[];
  readonly typed: string | null;
}

/**
 * @param sameAs whether it is the plan that was shown, where that is not told by the fingerprint
 * @throws `refused` unless the plan is the one that was shown, allowed, and agreed to.
 */
export function refuseUnagreed(
  plan: ActionPlan,
  consent: Consent,
  sameAs: (plan: ActionPlan) => boolean = ({ fingerprint }) => fingerprint === consent.fingerprint,
): void {
  if (plan.verdict === 'refused') {
    const reasons = plan.reasons.map(({ title, detail }) => `${title}: ${detail}`);
    throw refusal(plan.reasons[0]?.title ?? 'The plan says no.', { reasons });
  }
  if (!sameAs(plan)) {
    throw refusal('The machine changed since the plan was made.', {
      changed: true,
      reasons: ['What would run now is not what was shown.'],
      advice: 'Look at the new plan, then decide again.',
    });
  }
  const open = unmet(plan.checks, consent.accepted);
  if (open.length > 0) {
    const reasons = open.map(({ title, detail }) => `${title}: ${detail}`);
    throw refusal(open[0]?.title ?? 'Something is not agreed to yet.', { reasons });
  }
  if (plan.confirm !== null && consent.typed !== plan.confirm) {
    const reasons = [`Type ${plan.confirm} to confirm.`];
    throw refusal('The name that confirms it was not typed.', { reasons });
  }
}

function refusal(
  message: string,
  data: { readonly reasons: readonly string[]; readonly [key: string]: JsonData },
): AppError {
  return new AppError('refused', message, {
    preflight: true,
    unharmed: 'Nothing was touched.',
    ...data,
  });
}

type JsonData = string | boolean | readonly string[];

/** What kind of job an action is. */
export function jobKindOf(action: MachineAction) {
  switch (action.kind) {
    case 'snapshot-create':
      return 'snapshot';
    case 'snapshot-revert':
    case 'revert-undo':
      return 'revert';
    case 'snapshot-delete':
      return 'snapshot-delete';
    case 'checkpoint-create':
    case 'checkpoint-delete':
      return 'checkpoint';
    case 'repair':
      return 'doctor';
  }
}

/** @throws `change-unfinished` while a change of this machine waits for a person. */
export function refuseUnfinished({ changeLog, fleet }: Rooms, machine: MachineId): void {
  const { record } = fleet.find(machine);
  const title = changeLog.titleOf(record.uuid);
  if (title === null) return;
  throw new AppError(
    'change-unfinished',
    `“${title}” was cut off and waits to be finished or undone.`,
    {
      title,
      preflight: true,
      unharmed: 'Nothing was started, and every restore point is untouched.',
      advice: 'Open the machine and choose Finish or Undo, or use “waymark change list”.',
    },
  );
}
