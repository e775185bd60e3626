/**
 * What may not be written where, each rule with its reason. A rule looks at one line at a time, or
 * at the name of the file.
 */
export interface LineRule {
  readonly what: string;
  readonly bad: RegExp;
  readonly where: RegExp;
  readonly except?: RegExp;
  readonly why: string;
}

export const maxFileLines = 400;
export const maxFunctionLines = 70;
export const maxLineLength = 100;

const program = /^src-(main|renderer)\//;
const everywhere = /^/;
const thisFile = /^test\/(tidy\/rules|unit\/tidy\/.*)\.ts$/;

const engineRules: readonly LineRule[] = [
  {
    what: 'the wall clock or a bare timer of time',
    bad: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/,
    where: /^src-main\/engine\//,
    except: /^src-main\/engine\/world\//,
    why: 'time enters through world/clock, so that tests can turn it',
  },
  {
    what: 'randomness',
    bad: /\bMath\.random\b|\brandomUUID\b/,
    where: /^src-main\/engine\//,
    except: /^src-main\/engine\/world\//,
    why: 'names enter through world/ids',
  },
  {
    what: 'the environment or arguments',
    bad: /\bprocess\.(env|argv|exit)\b/,
    where: /^src-main\/engine\//,
    except: /^src-main\/engine\/world\//,
    why: 'the engine never learns how it was started',
  },
];

const electronRules: readonly LineRule[] = [
  {
    what: 'ipcMain',
    bad: /\bipcMain\b/,
    where: program,
    except: /^src-main\/host\/electron\/ipc\.ts$/,
    why: 'one wrapper checks the sender of every message',
  },
  {
    what: 'a second place that makes windows',
    bad: /\bnew (BrowserWindow|BrowserView|WebContentsView)\b/,
    where: program,
    except: /^src-main\/host\/electron\/window\.ts$/,
    why: 'one place sets the preferences of every window',
  },
  {
    what: 'a weak window preference',
    bad: new RegExp(
      '\\b(nodeIntegration(InWorker|InSubFrames)?|webviewTag|allowRunningInsecureContent|' +
        'experimentalFeatures)\\b\\s*:(?!\\s*false\\b)|' +
        '\\b(contextIsolation|sandbox|webSecurity)\\b\\s*:(?!\\s*true\\b)|' +
        '\\benableBlinkFeatures\\b|--no-sandbox',
    ),
    where: /^src-main\/host\//,
    why: 'security.md section 1: a renderer has no power of its own',
  },
];

const codeRules: readonly LineRule[] = [
  {
    what: 'HTML from text',
    bad: /\{@html\b|\binnerHTML\b|\bouterHTML\b|\binsertAdjacentHTML\b|\bdocument\.write\b/,
    where: /^src-renderer\//,
    why: 'machine names are not ours: they stay text',
  },
  {
    what: 'an error recognised by its words',
    bad: /\.message\s*(===|!==|\.(includes|match|startsWith|endsWith|indexOf|search)\()/,
    where: program,
    why: 'errors are told apart by their code',
  },
  {
    what: 'a vague noun',
    bad: /\b(class|function|interface|type)\s+\w*(Manager|Service|Helpers?|Utils?)\b/,
    where: program,
    why: 'name the thing it owns',
  },
  {
    what: 'a silenced check',
    bad: /@ts-(ignore|nocheck|expect-error)|eslint-disable(?!.* -- \S)|prettier-ignore/,
    where: everywhere,
    except: thisFile,
    why: 'a rule is followed, or its exception says why (eslint-disable … -- why)',
  },
  {
    what: 'a focused test',
    bad: /\b(it|test|describe)\.only\b/,
    where: /^test\//,
    except: thisFile,
    why: 'it hides the others',
  },
  {
    what: 'an empty catch',
    bad: /catch\s*(\(\w*\))?\s*\{\s*\}|\.catch\(\(\)\s*=>\s*\{\s*\}\)/,
    where: program,
    why: 'an error that does not matter says why in a comment',
  },
  {
    what: 'something unfinished',
    bad: /\b(TODO|FIXME|XXX)\b/,
    where: everywhere,
    except: thisFile,
    why: 'finish it or name it in ARCHITECTURE.md',
  },
];

const placeRules: readonly LineRule[] = [
  {
    what: 'a path of one machine',
    bad: new RegExp(
      '^(?!.*(mkdtemp|makeTemporaryFolder|tmpdir)).*' + '(^|[^A-Za-z0-9_.$}/])/(work|farm|tmp)/',
    ),
    where: everywhere,
    except: thisFile,
    why: 'it is nowhere else; tests ask for a temporary folder',
  },
  {
    what: 'a package registry or mirror',
    bad: /https?:\/\/(registry|deb|npm|mirror)[.-]/,
    where: everywhere,
    except: thisFile,
    why: 'where packages come from is the business of whoever installs them',
  },
];

const lineRules: readonly LineRule[] = [
  ...engineRules,
  ...electronRules,
  ...codeRules,
  ...placeRules,
];

const vagueFile = /(^|\/|-)(utils?|helpers?|managers?|services?|common|misc|shared)\.\w+$/;
const kebabTypeScript =
  /(^|\/)[a-z0-9]+(-[a-z0-9]+)*(\.(svelte|test|spec|config|d))*\.(ts|mjs|js)$/;
const migration = /^(src-main\/engine|test\/unit\/engine)\/catalog\/migrations\/\d{3}-[a-z0-9-]+\./;
const pascalSvelte = /(^|\/)[A-Z][A-Za-z0-9]*\.svelte$/;

/** What is wrong with a file's name, or null. */
export function badName(path: string): string | null {
  if (vagueFile.test(path)) return `${path}: a vague name; name the thing it owns`;
  if (/\.(ts|mjs|js)$/.test(path) && !kebabTypeScript.test(path) && !migration.test(path)) {
    return `${path}: TypeScript files are kebab-case`;
  }
  if (path.endsWith('.svelte') && !pascalSvelte.test(path)) {
    return `${path}: components are PascalCase`;
  }
  return null;
}

/** Every broken line rule of one file, with its line number. */
export function badLines(path: string, text: string): readonly string[] {
  const rules = lineRules.filter(({ where, except }) => {
    return where.test(path) && except?.test(path) !== true;
  });
  return text.split('\n').flatMap((line, at) =>
    rules.flatMap(({ what, bad, why }) => {
      return bad.test(line) ? [`${path}:${at + 1} has ${what}: ${why}`] : [];
    }),
  );
}
