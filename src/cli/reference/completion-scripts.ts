import type { Command, Option } from 'commander';

/** Generates a shell script that completes a program's commands, options and choices. */
export type CompletionScript = (program: Command) => string;

export const completionScripts: Readonly<Record<'bash' | 'zsh' | 'fish', CompletionScript>> = {
  bash,
  zsh,
  fish,
};

interface Node {
  /** Such as `llmproxy provider add`. */
  path: string;
  name: string;
  aliases: readonly string[];
  description: string;
  children: Node[];
  options: CompletedOption[];
  /** Choices of its first argument. */
  choices: readonly string[];
  /** Kind of name in its first argument; null if it is not a name. */
  names: NameKind | null;
}

/** Names that a running gateway knows. */
type NameKind = 'providers' | 'keys';

interface CompletedOption {
  flag: string;
  description: string;
  /** The kind or choices of its value; null if it takes none. */
  value: 'file' | 'folder' | 'text' | NameKind | readonly string[] | null;
}

function nodeOf(command: Command, parent = ''): Node {
  const path = parent === '' ? command.name() : `${parent} ${command.name()}`;
  const help = { flag: '--help', description: 'display help for command', value: null };
  return {
    path,
    name: command.name(),
    description: command.description(),
    children: command.commands.map((child) => nodeOf(child, path)),
    options: [...command.options.filter(({ hidden }) => !hidden).map(optionOf), help],
    choices: command.registeredArguments[0]?.argChoices ?? [],
    names: nameKinds[command.registeredArguments[0]?.name() ?? ''] ?? null,
    aliases: command.aliases(),
  };
}

const nameKinds: Readonly<Record<string, NameKind>> = {
  provider_key: 'providers',
  'id|name': 'keys',
  '--provider <name>': 'providers',
  '--key <name>': 'keys',
};

function optionOf({ long, flags, description, required, optional, argChoices }: Option) {
  const takesValue = required || optional;
  const value = !takesValue
    ? null
    : (argChoices ??
      nameKinds[flags] ??
      (/<file>/i.test(flags) ? 'file' : /<path>/.test(flags) ? 'folder' : 'text'));
  return { flag: long ?? flags, description, value } satisfies CompletedOption;
}

function all(node: Node): Node[] {
  return [node, ...node.children.flatMap(all)];
}

/** Completion words of a command, each with the path of its subcommand. */
function steps(program: Node): [words: string, path: string][] {
  return all(program).flatMap(({ path, children }) =>
    children.flatMap((child) =>
      [child.name, ...child.aliases].map((name): [string, string] => [
        `${path} ${name}`,
        child.path,
      ]),
    ),
  );
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The branches of a `case` over commands whose first argument is a name. */
function namesOf(root: Node, act: (kind: NameKind) => string, open = ''): string {
  return all(root)
    .flatMap(({ path, names }) => (names ? [`      ${open}${quoted(path)}) ${act(names)} ;;`] : []))
    .join('\n');
}

function bash(program: Command): string {
  const root = nodeOf(program);
  const words = ({ path, children, options, choices }: Node) => {
    const names = [...children.map(({ name }) => name), ...choices];
    const flags = options.map(({ flag }) => flag).join(' ');
    return `    ${quoted(path)}) words=${quoted(names.join(' '))} flags=${quoted(flags)} ;;`;
  };
  const values = ({ path, options }: Node) =>
    options.flatMap(({ flag, value }) => {
      if (value === null) return [];
      const reply =
        value === 'text'
          ? 'COMPREPLY=()'
          : value === 'providers' || value === 'keys'
            ? `_llmproxy_names ${value}`
            : value === 'file'
              ? 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")'
              : value === 'folder'
                ? 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur")'
                : `mapfile -t COMPREPLY < <(compgen -W ${quoted(value.join(' '))} -- "$cur")`;
      return `    ${quoted(`${path} ${flag}`)}) ${reply}; return ;;`;
    });
  return `# bash completion of llmproxy. Made by: llmproxy completion bash
_llmproxy_names() {
  mapfile -t COMPREPLY < <(llmproxy completion bash --names "$1" --prefix "$cur" 2>/dev/null |
    while IFS= read -r name; do printf '%q\\n' "$name"; done)
}
_llmproxy() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  local at=${root.name} words='' flags='' i
  # "--flag=value" comes as three words.
  if [[ $cur == '=' ]]; then cur=''
  elif [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
${steps(root)
  .map(([words, path]) => `      ${quoted(words)}) at=${quoted(path)} ;;`)
  .join('\n')}
    esac
  done
  case "$at $prev" in
${all(root).flatMap(values).join('\n')}
  esac
  case "$at" in
${all(root).map(words).join('\n')}
  esac
  if [[ $cur != -* ]]; then
    case "$at" in
${namesOf(root, (kind) => `_llmproxy_names ${kind}; return`)}
    esac
  fi
  if [[ $cur == -* || -z $words ]]; then words=$flags; fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _llmproxy llmproxy
`;
}

function zsh(program: Command): string {
  const root = nodeOf(program);
  const entry = (name: string, description: string) =>
    quoted(name.replaceAll(':', '\\:') + (description && `:${description}`));
  const entries = ({ path, children, options, choices }: Node) => {
    const names = [
      ...children.map(({ name, description }) => entry(name, description)),
      ...choices.map((choice) => entry(choice, '')),
    ];
    const flags = options.map(({ flag, description }) => entry(flag, description));
    return `    (${quoted(path)}) words_=(${names.join(' ')}) flags=(${flags.join(' ')}) ;;`;
  };
  const values = ({ path, options }: Node) =>
    options.flatMap(({ flag, value }) => {
      if (value === null) return [];
      const reply =
        value === 'text'
          ? '_message value'
          : value === 'providers' || value === 'keys'
            ? `_llmproxy_names ${value}`
            : value === 'file'
              ? '_files'
              : value === 'folder'
                ? '_files -/'
                : `compadd -- ${value.map(quoted).join(' ')}`;
      return `    (${quoted(`${path} ${flag}`)}) ${reply}; return ;;`;
    });
  return `#compdef llmproxy
# zsh completion of llmproxy. Made by: llmproxy completion zsh
_llmproxy_names() {
  local -a names
  names=("\${(@f)$(llmproxy completion zsh --names $1 --prefix "\${(Q)PREFIX}" 2>/dev/null)}")
  compadd -- "\${(@)names:#}"
}
_llmproxy() {
  local at=${root.name} i
  local -a words_ flags
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
${steps(root)
  .map(([words, path]) => `      (${quoted(words)}) at=${quoted(path)} ;;`)
  .join('\n')}
    esac
  done
  case "$at \${words[CURRENT - 1]}" in
${all(root).flatMap(values).join('\n')}
  esac
  case "$at" in
${all(root).map(entries).join('\n')}
  esac
  if [[ \${words[CURRENT]} != -* ]]; then
    case "$at" in
${namesOf(root, (kind) => `_llmproxy_names ${kind}; return`, '(')}
    esac
  fi
  if [[ \${words[CURRENT]} == -* || \${#words_} == 0 ]]; then
    _describe -o option flags
  else
    _describe command words_
  fi
}
if [[ \${funcstack[1]} == _llmproxy ]]; then _llmproxy "$@"; else compdef _llmproxy llmproxy; fi
`;
}

function fish(program: Command): string {
  const root = nodeOf(program);
  const fishNames = (kind: NameKind) => `(__llmproxy_names ${kind})`;
  const lines = ({ path, children, options, choices, names }: Node) => {
    const at = `complete -c llmproxy -n ${quoted(`test (__llmproxy_at) = "${path}"`)}`;
    return [
      ...(names ? [`${at} -a ${quoted(fishNames(names))}`] : []),
      ...children.map(({ name, description }) => `${at} -a ${name} -d ${quoted(description)}`),
      ...choices.map((choice) => `${at} -a ${choice}`),
      ...options.map(({ flag, description, value }) => {
        const takes =
          value === null
            ? ''
            : value === 'file'
              ? ' -r -F'
              : value === 'folder'
                ? ` -x -a '(__fish_complete_directories)'`
                : value === 'providers' || value === 'keys'
                  ? ` -x -a ${quoted(fishNames(value))}`
                  : ` -x${value === 'text' ? '' : ` -a ${quoted(value.join(' '))}`}`;
        return `${at} -l ${flag.replace(/^--/, '')}${takes} -d ${quoted(description)}`;
      }),
    ];
  };
  return `# fish completion of llmproxy. Made by: llmproxy completion fish
function __llmproxy_names
  llmproxy completion fish --names $argv[1] --prefix (commandline -ct) 2>/dev/null
end
function __llmproxy_at
  set -l at ${root.name}
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
${steps(root)
  .map(([words, path]) => `      case ${quoted(words)}\n        set at ${quoted(path)}`)
  .join('\n')}
    end
  end
  echo $at
end
complete -c llmproxy -f
${all(root).flatMap(lines).join('\n')}
`;
}
