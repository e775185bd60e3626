/**
 * Turns what a job says about its bytes into what a person is shown (ux.md §5): a bar that never
 * goes back, a smoothed speed, a time left only once it means something, and words when nothing
 * moves. Pure: every call is told the time, in monotonic milliseconds.
 */
import type { Progress } from '#contract/domain.ts';
import type { ProgressUpdate } from './job-types.ts';

export interface Meter {
  update(update: ProgressUpdate, at: number): void;
  /** Time passed; call it about once a second. */
  tick(at: number): void;
  /** The job ended. `complete` fills the bar; otherwise it stays where it stopped. */
  finish(complete: boolean, at: number): void;
  /** Null until the job said anything. */
  current(): Progress | null;
}

const timeLeftAfterMs = 5000;
const timeLeftAfterFraction = 0.02;
const stalledAfterMs = 30_000;
const smoothingMs = 5000; // a change of speed is two thirds visible after this long
const minSampleMs = 250;
const correctionFactor = 1.25; // a smaller rise of the time left is noise
const defaultWaitingFor = 'Waiting for storage…';

interface State {
  activity: string;
  waitingFor: string;
  done: number;
  total: number | null;
  read: number;
  stored: number;
  bytesPerSecond: number;
  sampleAt: number;
  sampleDone: number;
  sampled: boolean;
  movedAt: number;
  shownFraction: number;
  shownTotal: number | null;
  secondsLeft: number | null;
  stalled: string | null;
}

export function createMeter(startedAt: number): Meter {
  let said = false;
  const state: State = {
    activity: '',
    waitingFor: defaultWaitingFor,
    done: 0,
    total: null,
    read: 0,
    stored: 0,
    bytesPerSecond: 0,
    sampleAt: startedAt,
    sampleDone: 0,
    sampled: false,
    movedAt: startedAt,
    shownFraction: 0,
    shownTotal: null,
    secondsLeft: null,
    stalled: null,
  };
  const refresh = (at: number) => {
    takeSample(state, at);
    state.stalled = at - state.movedAt >= stalledAfterMs ? state.waitingFor : null;
    if (state.stalled !== null) state.secondsLeft = null;
    else if (at - startedAt >= timeLeftAfterMs) updateTimeLeft(state, at);
  };
  return {
    update: (update, at) => {
      said = true;
      if (accept(state, update)) state.movedAt = at;
      updateBar(state);
      refresh(at);
    },
    tick: (at) => {
      if (said) refresh(at);
    },
    finish: (complete, at) => {
      if (complete && state.total !== null) state.shownTotal = state.done;
      const seconds = (at - startedAt) / 1000;
      state.bytesPerSecond = seconds > 0 ? state.done / seconds : 0;
      state.secondsLeft = null;
      state.stalled = null;
    },
    current: () =>
      said
        ? {
            activity: state.activity,
            doneBytes: state.done,
            totalBytes: state.shownTotal,
            readBytes: state.read,
            storedBytes: state.stored,
            bytesPerSecond: Math.round(state.bytesPerSecond),
            secondsLeft: state.secondsLeft,
            stalled: state.stalled,
          }
        : null,
  };
}

/** Takes in what was said; true when anything moved. Counts never go down. */
function accept(state: State, update: ProgressUpdate): boolean {
  const before = [state.done, state.read, state.stored, state.activity];
  state.activity = update.activity ?? state.activity;
  state.waitingFor = update.waitingFor ?? state.waitingFor;
  state.total = update.totalBytes ?? state.total;
  state.read = Math.max(state.read, update.readBytes ?? 0);
  state.stored = Math.max(state.stored, update.storedBytes ?? 0);
  const most = state.total ?? Number.MAX_SAFE_INTEGER;
  state.done = Math.max(state.done, Math.min(update.doneBytes ?? 0, most));
  const after = [state.done, state.read, state.stored, state.activity];
  return after.some((value, index) => value !== before[index]);
}

/**
 * A total that grows would pull the bar back. Then the bar waits: the shown total grows only as
 * fast as the done part catches up with it.
 */
function updateBar(state: State): void {
  if (state.total === null) return;
  const total = Math.max(state.total, state.done);
  const fraction = total === 0 ? 1 : state.done / total;
  if (fraction >= state.shownFraction) {
    state.shownFraction = fraction;
    state.shownTotal = total;
  } else {
    // A whole number of bytes shows a little more: that is what must not shrink next time.
    state.shownTotal = Math.floor(state.done / state.shownFraction);
    state.shownFraction = state.shownTotal === 0 ? 1 : state.done / state.shownTotal;
  }
}

function takeSample(state: State, at: number): void {
  const passed = at - state.sampleAt;
  if (passed < minSampleMs) return;
  const now = ((state.done - state.sampleDone) / passed) * 1000;
  const weight = state.sampled ? 1 - Math.exp(-passed / smoothingMs) : 1;
  state.bytesPerSecond += (now - state.bytesPerSecond) * weight;
  state.sampled = true;
  state.sampleAt = at;
  state.sampleDone = state.done;
}

function updateTimeLeft(state: State, at: number): void {
  if (state.shownTotal === null || state.bytesPerSecond < 1) return;
  if (state.shownFraction < timeLeftAfterFraction) return;
  const next = roundSeconds((state.shownTotal - state.done) / state.bytesPerSecond);
  const shown = state.secondsLeft;
  const moving = at === state.movedAt; // it only rises when a byte came, never by waiting
  if (shown === null || next <= shown || (moving && next > shown * correctionFactor)) {
    state.secondsLeft = next;
  }
}

/** Up to 5 s, 30 s, a minute or five, by how long it is: nobody believes "3 min 41 s". */
export function roundSeconds(seconds: number): number {
  const steps: readonly (readonly [number, number])[] = [
    [60, 5],
    [600, 30],
    [3600, 60],
  ];
  const step = steps.find(([below]) => seconds < below)?.[1] ?? 300;
  return Math.ceil(seconds / step) * step;
}
