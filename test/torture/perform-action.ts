/**
 * Waymark's own changes of snapshots and checkpoints: planned, started as planned, perhaps cut off
 * and then finished or undone. Whatever happened, the machine is then either as before or as after
 * the whole change, on all of its disks.
 */
import type { ActionPlan } from '#contract/actions.ts';
import type { Unfinished } from '#contract/moments.ts';
import { hasCode } from '#contract/errors.ts';
import { checkDisks, expectThat, Mismatch } from './compare.ts';
import { errorOf, runJob, told, type JobEnd } from './disturb.ts';
import { intentOf, unchanged, type Intent, type Seen } from './intent.ts';
import type { Model, Moment } from './model.ts';
import type { Action, Fault, Operation } from './operation.ts';
import { writesDuring } from './perform-backup.ts';
import type { Outcome, Performed, Stand } from './perform.ts';

export async function performAction(
  stand: Stand,
  before: Model,
  operation: Action & Operation,
): Promise<Performed> {
  const { world } = stand;
  const writes = operation.do === 'snapshot-create' ? operation.during : [];
  const intent = await intentOf(stand, before, operation);
  if (intent === null) return { model: before, outcome: 'skipped', note: '' };
  const untouched = await world.live.fingerprint();
  const plan = await planOf(stand, intent);
  if (plan === null || plan.verdict === 'refused') {
    const now = await world.live.fingerprint();
    expectThat(now === untouched, 'A plan that was refused changed the machine');
    return { model: before, outcome: 'refused', note: whyRefused(plan) };
  }
  const { fault } = operation;
  const meanwhile = writesDuring(stand, before, operation.n, writes);
  const begin = () => start(stand, plan);
  const end = await runJob(world, operation.do, fault, begin, meanwhile.run);
  const decision = fault === null ? null : await decide(stand, fault);
  const { disks, moments } = meanwhile.passed();
  const looked = await look(stand, { ...before, disks }, moments);
  const seen = { ...looked, memoryLost: decision?.memoryLost ?? false };
  return settle(stand, intent, seen, fault, end, decision?.past ?? null);
}

/** Null where the product does not know the call yet. */
async function planOf({ world }: Stand, { action }: Intent): Promise<ActionPlan | null> {
  try {
    return await world.engine.call('actions.plan', { machine: world.machine, action });
  } catch (thrown) {
    if (hasCode(thrown, 'unsupported')) return null;
    throw thrown;
  }
}

function whyRefused(plan: ActionPlan | null): string {
  if (plan === null) return 'unsupported';
  const blockers = plan.checks.filter(({ level }) => level === 'blocker');
  return plan.reasons[0]?.id ?? blockers[0]?.id ?? 'no reason';
}

function start({ world }: Stand, { action, fingerprint, checks, confirm }: ActionPlan) {
  const accepted = checks.flatMap(({ id, accept }) => (accept === undefined ? [] : [id]));
  const order = { machine: world.machine, action, fingerprint, accepted, typed: confirm };
  return world.engine.call('actions.start', order);
}

/** Compares the machine with what it may be like now. */
async function settle(
  stand: Stand,
  intent: Intent,
  seen: Seen,
  fault: Fault | null,
  end: JobEnd,
  decided: 'finished' | 'undone' | null,
): Promise<Performed> {
  const ended = end.kind === 'ended' ? end.job.state.kind : end.kind;
  if (fault === null) {
    const done = ended === 'done' || ended === 'problems';
    if (!done)
      throw new Mismatch(`An allowed plan failed though nothing disturbed it: ${why(end)}`);
    expectThat(seen.power === intent.power, `It is ${seen.power} now, expected ${intent.power}`);
    return { model: withPower(await intent.done(seen), seen), outcome: 'done', note: '' };
  }
  const outcome: Outcome = decided ?? (ended === 'done' ? 'done' : 'cut-off');
  const model = withPower(await whichSide(intent, seen, sidesOf(outcome, end)), seen);
  const note = errorOf(end)?.code ?? fault.kind;
  return { model: await startAgain(stand, model), outcome, note };
}

const why = (end: JobEnd) => {
  const error = errorOf(end);
  return error === null ? end.kind : told(error);
};

/** Whether the machine must be as after the change, as before it, or may be either. */
function sidesOf(outcome: Outcome, end: JobEnd): readonly ('done' | 'undone')[] {
  if (outcome === 'done' || outcome === 'finished') return ['done'];
  if (outcome === 'undone') return ['undone'];
  return end.kind === 'lost' ? ['done', 'undone'] : ['undone'];
}

async function whichSide(
  intent: Intent,
  seen: Seen,
  sides: readonly ('done' | 'undone')[],
): Promise<Model> {
  const complaints: string[] = [];
  for (const side of sides) {
    try {
      return side === 'done' ? await intent.done(seen) : unchanged(seen.before, seen);
    } catch (thrown) {
      if (!(thrown instanceof Mismatch)) throw thrown;
      complaints.push(`as if it was ${side}: ${thrown.message}`);
    }
  }
  throw new Mismatch(complaints.join('\n'));
}

const withPower = (model: Model, { power }: Seen): Model => ({ ...model, power });

async function look(
  { world: { live } }: Stand,
  before: Model,
  moments: readonly Moment[],
): Promise<Omit<Seen, 'memoryLost'>> {
  return {
    before,
    moments,
    power: await live.power(),
    snapshots: await live.snapshots(),
    disks: await live.read(),
    ticks: await live.ticks(),
  };
}

/** A machine that was in the middle of it must start, and have the right content then. */
async function startAgain({ world }: Stand, model: Model): Promise<Model> {
  if (model.power !== 'off' && model.power !== 'saved') return model;
  const { code, stderr } = await world.libvirtd.tryVirsh('start', world.uuid);
  expectThat(code === 0, `The machine does not start any more: ${stderr}`);
  const started = { ...model, power: await world.live.power() };
  await checkDisks(world, started);
  return started;
}

interface Decision {
  readonly past: 'finished' | 'undone';
  /** It was said that the memory was not brought back: somebody had started the machine. */
  readonly memoryLost: boolean;
}

/** Finishes or undoes the change that was cut off; null when there is none. */
async function decide(stand: Stand, fault: Fault): Promise<Decision | null> {
  const waiting = await cutOff(stand);
  if (waiting === null) return null;
  await expectNothingElseStarts(stand);
  // Whether it can be started half way or not: no harm may come of it.
  if (fault.meddle) await stand.world.libvirtd.tryVirsh('start', stand.world.uuid);
  const [way] = waysOf(waiting, fault.then);
  if (fault.twice && way !== undefined) {
    const again: Fault = { ...fault, kind: 'kill-engine', twice: false };
    const end = await runJob(stand.world, way, again, () => begin(stand, waiting, way));
    const decision = decisionOf(end, way, fault);
    if (decision !== null) return decision;
  }
  const still = await cutOff(stand);
  // It came to its end just before the engine was killed.
  if (still === null) return way === undefined ? null : { past: pastOf(way), memoryLost: false };
  const failures: string[] = [];
  for (const how of waysOf(still, fault.then)) {
    let end = await runJob(stand.world, how, null, () => begin(stand, still, how));
    // What a person who started it meanwhile is told then.
    if (fault.meddle && errorOf(end)?.code === 'machine-busy') {
      await stand.world.libvirtd.virsh('destroy', stand.world.uuid);
      end = await runJob(stand.world, how, null, () => begin(stand, still, how));
    }
    const decision = decisionOf(end, how, fault);
    if (decision !== null) return decision;
    failures.push(`${how}: ${why(end)}`);
  }
  const all = failures.join('; ');
  throw new Mismatch(`“${still.title}” can be neither finished nor undone: ${all}`);
}

/**
 * Null where it failed. Only where somebody meddled, or the machine itself was taken down, may it
 * end with something to look at: its memory is not back.
 */
function decisionOf(end: JobEnd, how: 'finish' | 'undo', fault: Fault): Decision | null {
  const ended = end.kind === 'ended' ? end.job.state.kind : null;
  const tookDown = fault.kind === 'power-cut' || fault.kind === 'kill-qemu';
  if (ended === 'problems' && (fault.meddle || tookDown))
    return { past: pastOf(how), memoryLost: true };
  return ended === 'done' ? { past: pastOf(how), memoryLost: false } : null;
}

const pastOf = (how: 'finish' | 'undo') => (how === 'finish' ? 'finished' : 'undone');

async function cutOff({ world: { engine, machine } }: Stand): Promise<Unfinished | null> {
  const waiting = await engine.call('unfinished.list', {});
  const [one, ...more] = waiting.filter((change) => change.machine.id === machine);
  expectThat(more.length === 0, 'Several changes of one machine wait to be decided');
  return one ?? null;
}

/** While it waits to be decided, no backup may begin and no other change. */
async function expectNothingElseStarts({ world: { engine, machine, repositories } }: Stand) {
  const action = { kind: 'checkpoint-create' as const };
  const plan = await engine.call('actions.plan', { machine, action });
  expectThat(plan.verdict === 'refused', 'A change is allowed while another one is unfinished');
  const repository = repositories[0]?.id;
  if (repository === undefined) return;
  const order = { machine, repository, exclude: [], reread: false, accepted: [] };
  const refused = await engine.call('backup.start', order).then(
    () => false,
    (thrown: unknown) => hasCode(thrown, 'change-unfinished'),
  );
  expectThat(refused, 'A backup begins while a change is unfinished');
}

/** The ways it offers, the wanted one first. */
function waysOf({ finish, undo }: Unfinished, wanted: 'finish' | 'undo') {
  const ways: ('finish' | 'undo')[] = [
    ...(finish === null ? [] : (['finish'] as const)),
    ...(undo === null ? [] : (['undo'] as const)),
  ];
  return ways.sort((a, b) => Number(b === wanted) - Number(a === wanted));
}

function begin({ world }: Stand, { id }: Unfinished, how: 'finish' | 'undo') {
  return world.engine.call('unfinished.resolve', { id, how });
}
