/** Raw input of a call, checked against the contract. Errors repeat nothing of the value. */
import * as v from 'valibot';
import { callNames, contract, type CallName } from './contract.ts';
import { AppError } from './errors.ts';

/** More complaints than this about one input help nobody. */
export const maxIssues = 10;
const maxShownName = 64;

const known: ReadonlySet<unknown> = new Set(callNames);

/** True for the name of a call; a look-up, so `__proto__` and its kind are simply unknown. */
export function isCallName(name: unknown): name is CallName {
  return known.has(name);
}

/** The name, or `invalid-input` for one the contract does not have. */
export function checkName(name: unknown): CallName {
  if (isCallName(name)) return name;
  const shown = typeof name === 'string' ? name.slice(0, maxShownName) : typeof name;
  throw new AppError('invalid-input', 'There is no such call.', { call: shown });
}

/**
 * The parsed input, or `invalid-input` with `data.issues`, one `{ path, problem }` a field. A value
 * is never part of it: it may be a password.
 */
export function checkInput(name: CallName, raw: unknown): unknown {
  const result = v.safeParse(contract[name].input, raw, {
    message: (issue) => `expected ${issue.expected ?? 'another kind of value'}`,
  });
  if (result.success) return result.output;
  const issues = result.issues.slice(0, maxIssues).map((issue) => ({
    path: v.getDotPath(issue) ?? '',
    problem: issue.message,
  }));
  const first = issues[0];
  const where = first === undefined || first.path === '' ? '' : `${first.path}: `;
  const problem = first?.problem ?? 'it has another shape';
  throw new AppError('invalid-input', `This input is not right. ${where}${problem}.`, { issues });
}
