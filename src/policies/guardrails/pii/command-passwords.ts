import { isMixed, isWritten, type Labelled, value, word } from './written-values.js';

/** Within one command, no farther than streams look back. */
const args = String.raw`[^\n|;]{0,60}?\s`;

/** @param options what stands before the password, with the space or sign between. */
function option(command: string, options: string): Labelled {
  return {
    pattern: new RegExp(String.raw`\b(?:${command})\b${args}(?:${options})${value}`, 'dg'),
    isSecret: (secret) => isWritten(secret) && !mentioned.test(secret),
  };
}

/** Follows an option in a sentence about it. */
const mentioned =
  /^(?:and|asks?|can|flag|for|gives?|has|means|needs?|option|prompts?|reads?|sets?|takes?|that|the|when|with)$/;

/** @param before the other arguments: a command is mentioned more often than it is written. */
function argument(before: string): Labelled {
  return {
    pattern: new RegExp(String.raw`\b${before}\s${word}`, 'dgi'),
    isSecret: (secret) => isMixed(secret) && !/^[/-]/.test(secret),
  };
}

const registries = 'docker|podman|nerdctl|buildah|skopeo|helm|oras|az|oc|argocd';
const flags = String.raw`(?:-\S{1,20}\s){1,4}`;
/** Flags of `htpasswd`: the password is an argument; the file is left out. */
const withPassword = String.raw`(?=(?:-\S{1,20}\s){0,3}-[A-Za-z]{0,6}b)`;
const withoutFile = String.raw`(?:-\S{1,20}\s){0,3}-[A-Za-z]{0,6}n`;
const name = String.raw`\S{1,64}`;

/** Passwords in the arguments of commands. */
export const commandForms: readonly Labelled[] = [
  { pattern: new RegExp(String.raw`\bsshpass -p ?${value}`, 'dg'), isSecret: isWritten },
  option('mysql(?:dump|admin|import|show|check)?|mariadb(?:-dump|-admin)?', '-p'),
  option('(?:redis|valkey|keydb)-cli', '-a |--pass '),
  option(`(?:${registries})${args}login`, '-p |--password[ =]'),
  option('ldap(?:search|add|modify|modrdn|delete|passwd|compare|whoami)', '-w '),
  option('mongo(?:sh|dump|restore|export|import)?', '-p ?'),
  option('mosquitto_(?:pub|sub)|sqlcmd|bcp|ipmitool|(?:un)?zip', '-P ?'),
  option('7za?|(?:un)?rar', '-h?p'),
  option('ssh-keygen', '-[NP] ?'),
  option('smbclient|rpcclient|smbmap|net', String.raw`-U ?[^\s%]{1,64}%`),
  option('keytool|jarsigner', '-(?:src|dest)?(?:store|key)pass '),
  {
    pattern: new RegExp(`\\s--?[a-z-]{0,12}pass(?:in|out|wd)?[ =]pass:${value}`, 'dg'),
    isSecret: isWritten,
  },
  {
    pattern: new RegExp(
      String.raw`\b(?:sqlplus|sqlldr|expdp|impdp|rman)${args}\w{1,30}/([^\s@/"']{3,64})(?=@)`,
      'dg',
    ),
    isSecret: isWritten,
  },
  argument(String.raw`htpasswd\s${withPassword}${flags}${name}\s${name}`),
  argument(String.raw`htpasswd\s${withPassword}(?=${withoutFile})${flags}${name}`),
  argument(String.raw`net\suse\s(?:[a-z]:\s|\*\s)?\\\\${name}`),
  argument(String.raw`net\suse\b${args}/user:${name}`),
  argument(String.raw`rabbitmqctl\s(?:add_user|change_password|authenticate_user)\s${name}`),
];

/** One of these words is in each of the patterns. */
const commandWord =
  /sshpass|mysql|mariadb|(?:redis|valkey|keydb)-cli|login|ldap|mongo|mosquitto|sqlcmd|bcp|ipmitool|zip|7z|rar |ssh-keygen|smb|rpcclient|net |keytool|jarsigner|pass:|sqlplus|sqlldr|expdp|impdp|rman|htpasswd|net\suse|rabbitmqctl/i;

/** True if a text may contain one of the commands. */
export function namesCommand(text: string): boolean {
  return commandWord.test(text);
}
