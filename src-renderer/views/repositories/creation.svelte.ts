/** The choices of "Create a repository", what is wrong with them, and what came of it. */
import type { FolderCheck } from '#contract/app.ts';
import type { Repository } from '#contract/domain.ts';
import { nameProblem } from './names.ts';
import { forCreating, pathProblem } from './folder-words.ts';
import { t } from '../../text/catalogue.ts';
import { groupsToAsk, sameGroup, type Asked } from './recovery-code.ts';

const shortPassword = 16;
const maxPasswordLength = 1024;

export class Creation {
  name = $state('');
  path = $state('');
  check = $state.raw<FolderCheck | null>(null);
  kind = $state<'encrypted' | 'open'>('encrypted');
  password = $state('');
  remember = $state(true);
  openAccepted = $state(false);
  /** Steps whose problems may be shown: Next was pressed on them. */
  tried = $state.raw<ReadonlySet<string>>(new Set());
  created = $state.raw<{ repository: Repository; code: string | null } | null>(null);
  asked = $state.raw<readonly Asked[]>([]);
  typed = $state<string[]>(['', '']);
  readonly #takenNames: () => readonly string[];

  constructor(takenNames: () => readonly string[]) {
    this.#takenNames = takenNames;
  }

  try(step: string): void {
    this.tried = new Set([...this.tried, step]);
  }

  get nameProblem(): string | null {
    return nameProblem(this.name, this.#takenNames());
  }

  get folderOk(): boolean {
    return (
      pathProblem(this.path.trim()) === null && this.check !== null && forCreating(this.check).ok
    );
  }

  get passwordProblem(): string | null {
    if (this.kind === 'open') return null;
    if (this.password === '') return t('create.password-needed');
    return this.password.length > maxPasswordLength ? t('create.password-long') : null;
  }

  /** A hint that grows with the length: no meter that claims to know strength. */
  get passwordHint(): string {
    const count = this.password.length;
    if (count === 0) return t('create.password-hint');
    return count < shortPassword
      ? t('create.password-short', { count })
      : t('create.password-fine', { count });
  }

  get keyOk(): boolean {
    return this.kind === 'open' ? this.openAccepted : this.passwordProblem === null;
  }

  get changed(): boolean {
    return this.name !== '' || this.path !== '' || this.password !== '';
  }

  begin(repository: Repository, code: string | null): void {
    this.password = '';
    this.created = { repository, code };
    this.asked = code === null ? [] : groupsToAsk(code, Math.random);
  }

  groupProblem(index: number): string | null {
    const asked = this.asked[index];
    const typed = this.typed[index] ?? '';
    if (asked === undefined || sameGroup(typed, asked.expected)) return null;
    if (typed.trim() === '') return t('sheet.group-needed');
    return t('sheet.group-wrong');
  }

  get codeConfirmed(): boolean {
    return (
      this.asked.length > 0 && this.asked.every((_, index) => this.groupProblem(index) === null)
    );
  }
}
