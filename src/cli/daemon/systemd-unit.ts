/** The values in the unit of one installation. All paths are absolute. */
export interface Installation {
  node: string;
  /** Root folder of this package. */
  root: string;
  /** Null: the default places are searched. */
  settingsFile: string | null;
  /** The user that the daemon runs as, for templates that name one. */
  account: string;
}

/**
 * Renders the unit for an installation.
 * @param template a unit of this package's `systemd/`, whose paths are examples.
 */
export function renderUnit(template: string, installation: Installation): string {
  const { node, root, settingsFile, account } = installation;
  const command = [node, `${root}/bin/llmproxy.js`, 'serve'];
  if (settingsFile !== null) command.push('--config', settingsFile);
  const values: Record<string, string> = {
    Documentation: `file:${encodeURI(root).replaceAll('%', '%%')}/docs/deployment.md`,
    ExecStart: command.map(quoted).join(' '),
    WorkingDirectory: root.replaceAll('%', '%%'),
    ProtectHome: [node, root, settingsFile ?? ''].some(isInHome) ? 'read-only' : 'yes',
    User: account,
    Group: account,
  };
  return template.replace(/^(\w+)=.*$/gm, (line, key: string) => {
    const value = values[key];
    return value === undefined ? line : `${key}=${value}`;
  });
}

/** True for a path that `ProtectHome=yes` hides. */
function isInHome(path: string): boolean {
  return /^\/(?:home|root|run\/user)\//.test(path);
}

/** An argument of ExecStart: quoted where necessary, specifiers and variables escaped. */
function quoted(argument: string): string {
  const escaped = argument.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /[\s'"\\;]/.test(escaped) ? `"${escaped}"` : escaped;
}
