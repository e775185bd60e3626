/** Pretend plans of snapshots: taking, going back, deleting. */
import type { MachineAction, PlanStep } from '#contract/actions.ts';
import type { Check } from '#contract/domain.ts';
import type { Snapshot } from '#contract/moments.ts';
import {
  draft,
  refusal,
  stepOf,
  type DemoFacts,
  type Draft,
  type More,
  type Of,
} from './demo-draft.ts';
import { gib, hour } from './demo-machines.ts';
import { checkpointsOf, type Story } from './demo-story.ts';

const memoryImage = Math.round(4.6 * gib);

// Revert -----------------------------------------------------------------------------------------

function hoursLost({ machine, now }: DemoFacts): number {
  return Math.max(1, Math.round((now - (machine.lastPoint?.time ?? now)) / hour));
}

function revertSteps(facts: DemoFacts, to: Snapshot, keep: boolean): readonly PlanStep[] {
  const running = facts.machine.state === 'running';
  const inTheWay = checkpointsOf(facts.story, facts.machine).length > 0;
  const kept = stepOf('Save where you are now', 'Delete it', {
    detail: running ? 'The machine pauses while its memory is written' : 'Only its disks',
    bytes: running ? memoryImage : 0,
    seconds: running ? 15 : 1,
    downtimeSeconds: running ? 15 : 0,
  });
  return [
    ...(keep ? [kept] : []),
    ...(inTheWay
      ? [stepOf('Remove the checkpoint of attic', 'Not needed', { detail: 'Made by Waymark' })]
      : []),
    stepOf(`Go back to ${to.name}`, keep ? 'Go back to step 1' : 'Cannot be undone', {
      detail: to.memory
        ? 'It continues from the saved memory; open consoles close'
        : 'The machine is switched off for it',
      seconds: 8,
      downtimeSeconds: 8,
    }),
    ...(inTheWay
      ? [
          stepOf('Set a new checkpoint', 'Remove it'),
          stepOf('At the next backup, read everything and store what differs', 'Not needed', {
            detail: 'attic, whenever it is backed up next',
            bytes: null,
            seconds: 360,
            runs: false,
          }),
        ]
      : []),
  ];
}

function powerCut(to: Snapshot): readonly Check[] {
  if (to.memory || to.machineState !== 'running') return [];
  return [
    {
      id: 'as-after-a-power-cut',
      level: 'warning',
      title: 'Its disks are as after a power cut',
      detail: `${to.name} was taken while the machine ran, without its memory.`,
      accept: 'Go back to them all the same',
    },
  ];
}

function wayBack(facts: DemoFacts, to: Snapshot, keep: boolean): More {
  const { machine, story } = facts;
  const inTheWay = checkpointsOf(story, machine).length;
  const hours = hoursLost(facts);
  return {
    steps: revertSteps(facts, to, keep),
    reasons:
      inTheWay === 0
        ? []
        : [
            {
              id: 'checkpoints-stand-in-the-way',
              title:
                inTheWay === 1
                  ? '1 checkpoint stands in the way'
                  : `${inTheWay} checkpoints stand in the way`,
              detail:
                'QEMU cannot go back while it is measuring changes. Done by hand, the machine ' +
                'would be stopped and stay off. Waymark takes the checkpoint away first and sets ' +
                'a new one afterwards. No restore point is touched.',
            },
          ],
    checks: powerCut(to),
    undo: keep
      ? 'Later you can undo the revert from the timeline.'
      : 'It cannot be undone: where the machine is now is not kept.',
    tier: keep ? 1 : 3,
    confirm: keep ? null : machine.name,
    lost: keep
      ? []
      : [
          `The last ${hours} hours: everything written since the restore point of ${hours} h ago`,
          ...(machine.state === 'running' ? ['What runs now and was not saved'] : []),
        ],
    stays: `All ${story.snapshots.length} snapshots and ${machine.pointCount} restore points stay.`,
    commands: [
      ...(keep ? [`virsh snapshot-create ${machine.name} before-revert.xml --atomic`] : []),
      ...checkpointsOf(story, machine).map((one) => {
        return `virsh checkpoint-delete ${machine.name} ${one.name}`;
      }),
      `virsh snapshot-revert ${machine.name} ${to.name}`,
      ...(inTheWay > 0 ? [`virsh checkpoint-create ${machine.name} waymark.xml`] : []),
    ],
    documents: [
      { title: 'domain.xml', text: `<domain>\n  <name>${machine.name}</name>\n</domain>` },
    ],
  };
}

export function revertDraft(facts: DemoFacts, action: Of<'snapshot-revert'>): Draft {
  const { machine, story } = facts;
  const to = story.snapshots.find(({ name }) => name === action.name);
  const words = {
    title: `Revert ${machine.name} to ${action.name}`,
    summary:
      to?.memory === true
        ? 'A snapshot of the running machine, disks and memory'
        : 'A snapshot of the disks',
    button: action.keep ? `Revert to ${action.name}` : `Revert and lose ${hoursLost(facts)} hours`,
  };
  if (to === undefined) {
    const detail = `${machine.name} has no snapshot ${action.name} any more.`;
    const reason = { id: 'snapshot-not-found', title: 'It is gone', detail };
    return draft(facts, action, words, refusal(reason));
  }
  if (machine.name === 'win11-tax' && to.name === 'upgrade-failed') {
    const reason = {
      id: 'image-missing',
      title: 'A part of this snapshot is missing',
      detail: 'The image /var/lib/libvirt/images/win11-tax-sda.upgrade-failed is not there.',
    };
    const other: MachineAction = { ...action, name: 'before-upgrade' };
    const alternatives = [{ title: 'Revert to before-upgrade', action: other }];
    return draft(facts, action, words, refusal(reason, { alternatives }));
  }
  return draft(facts, action, words, wayBack(facts, to, action.keep));
}

export function undoDraft(facts: DemoFacts, action: Of<'revert-undo'>): Draft {
  const { machine, story } = facts;
  const [revert] = story.reverts;
  const to = story.snapshots.find(({ name }) => name === revert?.kept);
  const words = {
    title: `Undo the revert of ${machine.name}`,
    summary: `Back to where it was before it was reverted to ${revert?.to ?? ''}`,
    button: 'Undo the revert',
  };
  if (to === undefined) {
    const detail = 'Where the machine was before its last revert was not kept, or was deleted.';
    const reason = { id: 'nothing-to-undo', title: 'There is nothing to go back to', detail };
    return draft(facts, action, words, refusal(reason));
  }
  return draft(facts, action, words, wayBack(facts, to, true));
}

// Create -----------------------------------------------------------------------------------------

function storageOf(facts: DemoFacts, asked: Of<'snapshot-create'>['storage']) {
  const { machine, story } = facts;
  const raw = machine.disks.find(({ format, tracking }) => {
    return format === 'raw' && tracking.kind !== 'skipped';
  });
  const mixing = story.snapshots.some(({ kind }) => kind === 'internal');
  const internal =
    raw === undefined
      ? 'All its disks are qcow2, and one file keeps everything.'
      : `${raw.target} is raw: it cannot hold a snapshot.`;
  const external = mixing
    ? 'It has snapshots inside the image: mixing both kinds could lose the disk.'
    : 'The disk goes on in a new file; the old one is frozen.';
  const best = raw === undefined ? 'internal' : 'external';
  const chosen = asked === 'auto' ? best : asked;
  const possible = { internal: raw === undefined, external: !mixing };
  const whys = { internal, external };
  const other = chosen === 'internal' ? 'external' : 'internal';
  return {
    possible: possible[chosen],
    storage: {
      chosen,
      why: whys[chosen],
      other: { allowed: possible[other], why: whys[other] },
    },
  } as const;
}

function createProblem(facts: DemoFacts, action: Of<'snapshot-create'>): More | null {
  const { machine, story } = facts;
  const again = (title: string, change: Partial<Of<'snapshot-create'>>) => ({
    alternatives: [{ title, action: { ...action, ...change } }],
  });
  if (action.memory && machine.state === 'off') {
    const detail = `${machine.name} is off.`;
    const reason = { id: 'no-memory', title: 'There is no memory to keep', detail };
    return refusal(reason, again('Keep the disks only', { memory: false }));
  }
  if (/[/\n]/.test(action.name)) {
    const detail = 'A name has no slash and no line break.';
    return refusal({ id: 'name-invalid', title: 'This name cannot be used', detail });
  }
  if (story.snapshots.some(({ name }) => name === action.name)) {
    const detail = `${machine.name} has a snapshot ${action.name} already.`;
    const reason = { id: 'name-taken', title: 'This name is taken', detail };
    const name = `${action.name}-2`;
    return refusal(reason, again(`Call it ${name}`, { name }));
  }
  const { possible, storage } = storageOf(facts, action.storage);
  if (possible) return null;
  const reason = { id: 'kinds-never-mixed', title: 'Not kept this way', detail: storage.why };
  return refusal(reason, { storage, ...again('Let Waymark choose', { storage: 'auto' }) });
}

export function createDraft(facts: DemoFacts, action: Of<'snapshot-create'>): Draft {
  const { machine, story } = facts;
  const running = machine.state !== 'off';
  const { memory, name } = action;
  const words = {
    title: `Take a snapshot of ${machine.name}`,
    summary: memory
      ? 'A snapshot of the running machine, disks and memory.'
      : running
        ? 'A snapshot of the disks; the machine keeps running.'
        : 'A snapshot of the disks of the machine, which is off.',
    button: 'Take snapshot',
  };
  const problem = createProblem(facts, action);
  if (problem !== null) return draft(facts, action, words, problem);
  const steps = [
    stepOf(`Keep ${machine.name} as ${name}`, 'Delete it', {
      detail: memory
        ? 'The machine pauses while its memory is written'
        : 'Its disks go on from here',
      bytes: memory ? memoryImage : 0,
      seconds: memory ? 15 : 0.4,
      downtimeSeconds: memory ? 15 : 0,
    }),
  ];
  const agent: Check = {
    id: 'guest-agent',
    level: 'warning',
    title: 'No guest agent',
    detail: 'File systems are not frozen: the disks are as after a power cut.',
  };
  return draft(facts, action, words, {
    steps,
    storage: storageOf(facts, action.storage).storage,
    checks: running && !memory && action.freeze ? [agent] : [],
    undo: 'Delete the snapshot.',
    stays: `All ${story.snapshots.length} snapshots stay.`,
    commands: [`virsh snapshot-create ${machine.name} ${name}.xml --atomic`],
    documents: [
      {
        title: `${name}.xml`,
        text: `<domainsnapshot>\n  <name>${name}</name>\n</domainsnapshot>`,
      },
    ],
  });
}

// Delete -----------------------------------------------------------------------------------------

/** The named ones, and with `children` all that were taken after them. */
export function doomedSnapshots(story: Story, action: Of<'snapshot-delete'>): readonly string[] {
  const family = new Set(action.names);
  if (!action.children) return [...family];
  for (const { name, parent } of story.snapshots) {
    if (parent !== null && family.has(parent)) family.add(name);
  }
  return [...family];
}

export function deleteDraft(facts: DemoFacts, action: Of<'snapshot-delete'>): Draft {
  const { machine, story } = facts;
  const doomed = doomedSnapshots(story, action);
  const [only = ''] = doomed;
  const what = doomed.length === 1 ? `snapshot ${only}` : `${doomed.length} snapshots`;
  const freed = (doomed.length * 4.6).toFixed(1);
  const them = doomed.length === 1 ? 'it' : 'them';
  const left = story.snapshots.length - doomed.length;
  return draft(
    facts,
    action,
    {
      title: `Delete ${what} of ${machine.name}`,
      summary: `Frees ${freed} GiB. There is no way back to ${them} then.`,
      button: doomed.length === 1 ? 'Delete snapshot' : `Delete ${doomed.length} snapshots`,
    },
    {
      steps: doomed.map((name) =>
        stepOf(`Delete ${name}`, 'Cannot be undone', { detail: 'Its memory goes too', seconds: 3 }),
      ),
      tier: 2,
      stays:
        left === 0
          ? 'The machine stays as it is now.'
          : `The machine stays as it is now, and ${left} other snapshots stay.`,
      commands: doomed.map((name) => `virsh snapshot-delete ${machine.name} ${name}`),
    },
  );
}
