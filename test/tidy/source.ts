/** What the tidy rules need to know of a source file: its imports, exports and functions. */
import ts from 'typescript';

export interface Import {
  readonly from: string; // as written: "./frames.ts", "valibot"
  /** Imported names; "*" for all of them (namespace, dynamic or side-effect import). */
  readonly names: readonly string[];
  readonly typesOnly: boolean;
}

export interface Export {
  readonly name: string;
  /** A type, or a plain number or text such as a limit: documentation as much as code. */
  readonly declared: 'type' | 'constant' | 'code';
}

export interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  /** Names of source files in its text: how workers, drivers and bundles name what they start. */
  readonly namedFiles: readonly string[];
  readonly reexports: boolean;
  readonly longestFunction: { readonly name: string; readonly lines: number };
}

/** The scripts of a component, one after another; everything else is kept as it is. */
function script(path: string, text: string): string {
  if (!path.endsWith('.svelte')) return text;
  const blocks = [...text.matchAll(/<script\b[^>]*>(.*?)<\/script>/gs)];
  return blocks.map(([, code]) => code ?? '').join('\n');
}

export function parseSource(path: string, text: string): Source {
  const tree = ts.createSourceFile(path, script(path, text), ts.ScriptTarget.ES2023, true);
  const imports: Import[] = [];
  const exports: Export[] = [];
  let reexports = false;
  let longestFunction = { name: '', lines: 0 };
  const visit = (node: ts.Node): void => {
    imports.push(...importsOf(node));
    if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) reexports = true;
    if (ts.isFunctionLike(node)) {
      const first = tree.getLineAndCharacterOfPosition(node.getStart()).line;
      const lines = tree.getLineAndCharacterOfPosition(node.getEnd()).line - first + 1;
      if (lines > longestFunction.lines) {
        const name = node.name?.getText() ?? `at line ${first + 1}`;
        longestFunction = { name, lines };
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  for (const statement of tree.statements) exports.push(...exportsOf(statement));
  const namedFiles = [...text.matchAll(/['"/]([\w.-]+\.(?:ts|mjs|js|svelte))['"]/g)].map(
    ([, name]) => name ?? '',
  );
  return { path, text, imports, exports, namedFiles, reexports, longestFunction };
}

function importsOf(node: ts.Node): readonly Import[] {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    return [fromImport(node, node.moduleSpecifier.text)];
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    const from = (node.moduleSpecifier as ts.StringLiteral).text;
    return [{ from, names: ['*'], typesOnly: node.isTypeOnly }];
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const { literal } = node.argument;
    if (ts.isStringLiteral(literal)) return [{ from: literal.text, names: ['*'], typesOnly: true }];
  }
  const dynamic =
    (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) ||
    // A worker's file is named by a URL.
    (ts.isNewExpression(node) && node.expression.getText() === 'URL');
  const first = dynamic ? node.arguments?.[0] : undefined;
  if (first === undefined || !ts.isStringLiteral(first)) return [];
  if (ts.isNewExpression(node) && !first.text.startsWith('.')) return [];
  return [{ from: first.text, names: ['*'], typesOnly: false }];
}

function fromImport(node: ts.ImportDeclaration, from: string): Import {
  const clause = node.importClause;
  if (clause === undefined) return { from, names: ['*'], typesOnly: false };
  const names = clause.name === undefined ? [] : ['default'];
  const bindings = clause.namedBindings;
  if (bindings === undefined) return { from, names, typesOnly: isTypeOnly(clause) };
  if (ts.isNamespaceImport(bindings)) return { from, names: ['*'], typesOnly: isTypeOnly(clause) };
  names.push(...bindings.elements.map((one) => (one.propertyName ?? one.name).text));
  const everyType = clause.name === undefined && bindings.elements.every((one) => one.isTypeOnly);
  return { from, names, typesOnly: isTypeOnly(clause) || everyType };
}

function isTypeOnly(clause: ts.ImportClause): boolean {
  return clause.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

function exportsOf(node: ts.Statement): readonly Export[] {
  if (ts.isExportAssignment(node)) return [{ name: 'default', declared: 'code' }];
  if (ts.isExportDeclaration(node) && node.exportClause && ts.isNamedExports(node.exportClause)) {
    const { elements } = node.exportClause;
    return elements.map(({ name }) => ({ name: name.text, declared: 'code' }));
  }
  if (!ts.canHaveModifiers(node)) return [];
  const modifiers = ts.getModifiers(node) ?? [];
  const has = (kind: ts.SyntaxKind) => modifiers.some((modifier) => modifier.kind === kind);
  if (!has(ts.SyntaxKind.ExportKeyword)) return [];
  if (has(ts.SyntaxKind.DefaultKeyword)) return [{ name: 'default', declared: 'code' }];
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.flatMap(variables);
  const type = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
  if (type || ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)) {
    return [{ name: node.name?.text ?? 'default', declared: type ? 'type' : 'code' }];
  }
  return [];
}

function variables({ name, initializer }: ts.VariableDeclaration): readonly Export[] {
  if (!ts.isIdentifier(name)) {
    return name.elements.flatMap((one) =>
      ts.isBindingElement(one) ? [{ name: one.name.getText(), declared: 'code' as const }] : [],
    );
  }
  const plain =
    initializer !== undefined &&
    (ts.isLiteralExpression(initializer) ||
      ts.isBinaryExpression(initializer) ||
      ts.isPrefixUnaryExpression(initializer) ||
      ts.isIdentifier(initializer));
  return [{ name: name.text, declared: plain ? 'constant' : 'code' }];
}
