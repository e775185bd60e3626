/**
 * Makes a sequence that ends in a difference shorter, by leaving parts out and trying again on a
 * new machine. Timing is real, so a difference may need luck: what is found is what was seen to
 * fail, never a guess.
 */
import type { Operation } from './operation.ts';

export interface Shrunk<Failure> {
  readonly operations: readonly Operation[];
  readonly failure: Failure;
  readonly tries: number;
}

/**
 * `fails` tries a sequence and returns its failure, or null when nothing differed; `goOn` is asked
 * before each try. Larger parts are left out first; the last operation stays, it is the one that
 * shows the difference.
 */
export async function shrink<Failure extends { readonly operations: readonly Operation[] }>(
  first: Failure,
  fails: (operations: readonly Operation[]) => Promise<Failure | null>,
  goOn: () => boolean,
): Promise<Shrunk<Failure>> {
  let failure = first;
  let operations = first.operations;
  let tries = 0;
  let size = Math.ceil((operations.length - 1) / 2);
  while (size >= 1) {
    let shorter = false;
    for (let from = 0; from < operations.length - 1 && goOn();) {
      const end = Math.min(from + size, operations.length - 1);
      const without = [...operations.slice(0, from), ...operations.slice(end)];
      tries += 1;
      const again = await fails(without);
      if (again === null) {
        from += size;
        continue;
      }
      failure = again;
      operations = again.operations; // it may have failed before its end
      shorter = true;
    }
    if (!goOn()) break;
    if (size > 1) size = Math.floor(size / 2);
    else if (!shorter) break;
  }
  return { operations, failure, tries };
}
