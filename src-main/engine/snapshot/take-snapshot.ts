/**
 * The steps that take one snapshot, for a person or as the undo point of a revert.
 *
 *   row       machine  checkpoints  kept      route
 *   A2, A4    on       any          any       libvirt takes it
 *   –         off      none         any       libvirt takes it
 *   A5        off      some         internal  libvirt from 11.3 on takes it; before, its record of
 *                                             the checkpoints is set aside meanwhile: their
 *                                             bitmaps stay in the images
 *   A5, T17   off      some         external  started paused: only a QEMU puts the bitmaps into the
 *                                             overlays; not with devices of the host
 *   B16       off      none         external  where we cannot protect the overlay: started paused
 *                                             if that is possible, because then it is made private
 */
import type { PlanReason } from '#contract/actions.ts';
import type { SnapshotStorage } from '#contract/moments.ts';
import { snapshotCreateFlag as flag } from '#engine/hypervisor/snapshot-flags.ts';
import { isActive, type DiskFacts, type MachineFacts } from '#engine/interlock/facts.ts';
import type { EngineStep, StepAction } from '#engine/interlock/steps.ts';
import {
  forgetsMemoryFile,
  internalOffWithCheckpoints,
  makesOpenOverlays,
  mayChangeFiles,
} from './capabilities.ts';
import { notNeeded, step } from './draft.ts';
import type { FileNames } from './names.ts';
import { domainSnapshotXml } from './snapshot-xml.ts';
import { counted, listed } from './words.ts';

export interface Taking {
  readonly name: string;
  readonly description: string;
  readonly storage: SnapshotStorage;
  /** Only of a machine that is on. */
  readonly memory: boolean;
  readonly disks: readonly DiskFacts[];
  readonly freeze: boolean;
  /** Stop the machine in the very moment that is kept. */
  readonly halt: boolean;
  readonly title: string; // "Take the snapshot"
}

export interface Taken {
  readonly steps: readonly EngineStep[];
  /** The images that the disks write to afterwards, by target; empty for internal ones. */
  readonly overlays: ReadonlyMap<string, string>;
  readonly memoryFile: string | null;
}

type Route = 'plain' | 'aside' | 'paused-start';

/** Owner only (CVE-2025-13193). */
const privateMode = 0o600;
/** Starting a QEMU takes about this long. */
export const startSeconds = 2;

/** Null when it can be taken; the machine must not be refused for its state already. */
export function takingRefusal(facts: MachineFacts, storage: SnapshotStorage): PlanReason | null {
  const { checkpoints, definition, name } = facts;
  const needsStart = !isActive(facts) && storage === 'external' && checkpoints.length > 0;
  if (!needsStart || definition.hostDevices.length === 0) return null;
  return {
    id: 'host-devices-off',
    title: `${name} would have to be started for it`,
    detail:
      'It is off and has checkpoints, which only a running QEMU carries into a new image. ' +
      `Starting it would take ${listed(definition.hostDevices)} from the host.`,
  };
}

function routeOf(facts: MachineFacts, { storage }: Taking): Route {
  if (isActive(facts)) return 'plain';
  const marked = facts.checkpoints.length > 0;
  if (storage === 'internal') {
    return marked && !internalOffWithCheckpoints(facts.host) ? 'aside' : 'plain';
  }
  if (marked) return 'paused-start';
  const open = makesOpenOverlays(facts.host) && !mayChangeFiles(facts);
  return open && facts.definition.hostDevices.length === 0 ? 'paused-start' : 'plain';
}

export function takeSnapshot(facts: MachineFacts, taking: Taking, files: FileNames): Taken {
  const external = taking.storage === 'external';
  const overlays = new Map(
    external ? taking.disks.map((disk) => [disk.target, files.overlay(disk, taking.name)]) : [],
  );
  const [first] = taking.disks;
  const memoryFile =
    external && taking.memory && first !== undefined ? files.memory(first, taking.name) : null;
  const route = routeOf(facts, taking);
  const made = { overlays, memoryFile };
  const taken = takeStep(facts, taking, made, route);
  return { ...made, steps: aroundIt(facts, route, taken) };
}

function takeStep(
  facts: MachineFacts,
  taking: Taking,
  { overlays, memoryFile }: Pick<Taken, 'overlays' | 'memoryFile'>,
  route: Route,
): EngineStep {
  const { name, memory, title } = taking;
  const makes = [...overlays.values(), ...(memoryFile === null ? [] : [memoryFile])];
  const create = {
    do: 'create-snapshot' as const,
    name,
    xml: xmlOf(facts, taking, overlays, memoryFile),
    flags: flagsOf(facts, taking, route),
    makes,
    freeze: taking.freeze,
  };
  const protect =
    !isActive(facts) && mayChangeFiles(facts)
      ? [...overlays.values()].map((path): StepAction => {
          return { do: 'protect-file', path, mode: privateMode };
        })
      : [];
  const picture: StepAction[] = isActive(facts) ? [{ do: 'keep-picture', snapshot: name }] : [];
  // A machine that is stopped in the same moment has no screen afterwards.
  const actions = taking.halt ? [...picture, create] : [create, ...protect, ...picture];
  const seconds = memory ? writeSeconds(facts, facts.memoryBytes) : 0;
  return step({
    title,
    detail: detailOf(facts, taking),
    actions,
    undo: [
      ...(taking.halt ? [bringBack(facts, name, { overlays, memoryFile })] : []),
      ...dropSnapshot(facts, name, memoryFile, create.xml),
    ],
    undoWords: taking.halt ? 'Go on from it, then delete it' : 'Delete it',
    bytes: memory ? facts.memoryBytes : 0,
    seconds,
    downtimeSeconds: seconds,
  });
}

/** A machine that was stopped with its snapshot goes on where it was stopped. */
function bringBack(
  { state }: MachineFacts,
  of: string,
  { overlays, memoryFile }: Pick<Taken, 'overlays' | 'memoryFile'>,
): StepAction {
  const paused = state === 'paused';
  if (memoryFile === null) return { do: 'start', paused };
  const images = [...overlays].map(([target, path]) => ({ target, path }));
  return { do: 'restore-memory', of, file: memoryFile, images, paused };
}

/**
 * Takes back what takeStep did, however much of it.
 * @param madeFrom only the snapshot that was made from this XML.
 */
export function dropSnapshot(
  facts: MachineFacts,
  name: string,
  memoryFile: string | null,
  madeFrom?: string,
): StepAction[] {
  const forgotten = memoryFile !== null && forgetsMemoryFile(facts.host);
  return [
    { do: 'delete-snapshot', name, flags: 0, ...(madeFrom === undefined ? {} : { madeFrom }) },
    ...(forgotten ? [{ do: 'remove-file' as const, path: memoryFile }] : []),
    { do: 'drop-picture', snapshot: name },
  ];
}

function detailOf(facts: MachineFacts, { memory, halt, freeze }: Taking): string {
  if (halt) return 'The machine stops when its memory and disks are kept';
  if (memory && facts.state === 'running') return 'The machine pauses while its memory is written';
  if (freeze) return 'The guest agent freezes the file systems for a moment';
  return '';
}

/** How long writing that much takes, in whole seconds. */
export function writeSeconds({ bytesPerSecond }: MachineFacts, bytes: number): number {
  return Math.ceil(bytes / Math.max(1, bytesPerSecond));
}

function flagsOf(facts: MachineFacts, taking: Taking, route: Route): number {
  const { storage, memory, freeze, halt } = taking;
  if (storage === 'internal') return 0;
  const active = isActive(facts) || route === 'paused-start';
  return (
    (memory ? 0 : flag.diskOnly) |
    (active ? flag.atomic : 0) |
    (freeze ? flag.quiesce : 0) |
    (halt ? flag.halt : 0)
  );
}

function xmlOf(
  facts: MachineFacts,
  { name, description, storage, memory, disks }: Taking,
  overlays: ReadonlyMap<string, string>,
  memoryFile: string | null,
): string {
  const part = new Set(disks.map(({ target }) => target));
  return domainSnapshotXml({
    name,
    description,
    memory:
      memoryFile === null
        ? { kind: memory && storage === 'internal' ? 'internal' : 'no' }
        : { kind: 'external', file: memoryFile },
    disks: facts.definition.disks.map(({ target }) => {
      const overlay = overlays.get(target);
      if (overlay !== undefined) return { target, kind: 'external', overlay };
      return { target, kind: storage === 'internal' && part.has(target) ? 'internal' : 'no' };
    }),
  });
}

function aroundIt(facts: MachineFacts, route: Route, taken: EngineStep): readonly EngineStep[] {
  switch (route) {
    case 'plain':
      return [taken];
    case 'aside':
      return [...setAside(facts, taken)];
    case 'paused-start':
      return pausedStart(facts, taken);
  }
}

function setAside(facts: MachineFacts, taken: EngineStep): readonly EngineStep[] {
  const { checkpoints } = facts;
  const record = checkpoints.map(({ name, xml }): StepAction => {
    return { do: 'record-checkpoint', name, xml };
  });
  const words = counted(checkpoints.length, 'checkpoint');
  return [
    step({
      title: `Set libvirt’s record of ${words} aside`,
      detail: 'What they measure is kept in the images and stays there',
      // libvirt asks for the youngest first.
      actions: [...checkpoints].reverse().map(({ name }): StepAction => {
        return { do: 'delete-checkpoint', name, metadataOnly: true };
      }),
      undo: record,
      undoWords: 'Put it back',
    }),
    taken,
    step({
      title: `Put the record of ${words} back`,
      actions: record,
      undo: [],
      undoWords: notNeeded,
    }),
  ];
}

/** The machine executes nothing meanwhile, so its disks stay as they are. */
export function pausedStart(facts: MachineFacts, ...within: EngineStep[]): readonly EngineStep[] {
  const { name } = facts;
  return [
    step({
      title: `Start ${name} without letting it run`,
      detail: 'It executes nothing, so its disks stay as they are',
      actions: [{ do: 'start', paused: true }],
      undo: [{ do: 'stop', onlyPaused: true }],
      undoWords: 'Switch it off',
      seconds: startSeconds,
    }),
    ...within,
    step({
      title: `Switch ${name} off again`,
      actions: [{ do: 'stop', onlyPaused: true }],
      undo: [{ do: 'start', paused: true }],
      undoWords: notNeeded,
    }),
  ];
}
