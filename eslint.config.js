/**
 * Rules a type checker cannot see. Type-aware rules run on every room through its own tsconfig
 * (projectService picks the nearest one), .svelte files included. Layout is prettier's business;
 * import directions, line lengths and dead files are test/tidy.test.ts's.
 */
import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import typescript from 'typescript-eslint';

const maxFileLines = 400;
const maxFunctionLines = 70;
const maxTestFunctionLines = 600; // a describe block is one function

/** Node runs the sources by stripping types: only syntax that can be erased may appear. */
const erasableOnly = [
  { selector: 'TSEnumDeclaration', message: 'No enum: it is not erasable. Use a union.' },
  { selector: 'TSParameterProperty', message: 'No parameter property: it is not erasable.' },
  { selector: 'TSModuleDeclaration[kind="namespace"]', message: 'No namespace: not erasable.' },
];

const typeAware = {
  projectService: true,
  tsconfigRootDir: import.meta.dirname,
  // The same for every file, or the project service reloads whole programs between files.
  extraFileExtensions: ['.svelte'],
};

/** @type {import('eslint').Linter.Config[]} */
const config = [
  {
    ignores: [
      '**/node_modules/',
      'dist/',
      'release/',
      'test-results/',
      'playwright-report/',
      '.cache/',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  ...typescript.configs.strictTypeChecked,
  ...typescript.configs.stylisticTypeChecked,
  ...svelte.configs.recommended,
  {
    languageOptions: { parserOptions: typeAware },
    rules: {
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', ...erasableOnly],
      'no-undef': 'off', // the compiler knows better, per room
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', prefer: 'type-imports' },
      ],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all' },
      ],
      // The base tsconfig asks for o['key'] on index signatures; this rule asks for the opposite.
      '@typescript-eslint/dot-notation': 'off',
      // Slow, and about things that are not used here: enums, nominal classes, Svelte stores.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // It cannot see that a flag changes while we await, and calls the check for it useless.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Most objects here are closures whose methods never use `this`.
      '@typescript-eslint/unbound-method': 'off',
      // JsonValue refers to itself, which only an index signature can say.
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      // `type` and `interface` each have their place: unions and mapped types need the former.
      '@typescript-eslint/consistent-type-definitions': 'off',
      'max-lines': ['error', { max: maxFileLines }],
      'max-lines-per-function': ['error', { max: maxFunctionLines }],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { ...typeAware, parser: typescript.parser },
    },
    rules: {
      'prefer-const': 'off', // $props() may bind some names and reassign others
      'svelte/no-at-html-tags': 'error',
      'svelte/no-inline-styles': 'off', // style: directives pass the CSP; e2e sees the rest
      'svelte/require-each-key': 'error',
      'svelte/button-has-type': 'error',
      'svelte/no-target-blank': 'error',
      'svelte/require-store-reactive-access': 'off', // as above
      'svelte/no-navigation-without-resolve': 'off', // SvelteKit's router is not used
      'svelte/prefer-svelte-reactivity': 'off', // state is $state.raw and replaced, not changed
    },
  },
  {
    // In templates the parser cannot infer what a component hands to a callback and calls it `any`;
    // svelte-check, which can, forbids a real one.
    files: ['**/*.svelte'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'max-lines-per-function': ['error', { max: maxTestFunctionLines }],
      '@typescript-eslint/no-non-null-assertion': 'off', // a wrong guess fails the test
      '@typescript-eslint/no-unsafe-assignment': 'off', // vitest's matchers are `any`
      '@typescript-eslint/require-await': 'off', // fakes keep the real thing's shape
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    ...typescript.configs.disableTypeChecked,
    languageOptions: {
      globals: globals.node,
      parserOptions: { projectService: false, program: null, project: false },
    },
  },
];

export default config;
