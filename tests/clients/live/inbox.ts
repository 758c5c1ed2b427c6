// A list of conversations under a filter, and the counters beside it, kept in step with the server.
import { createClient, type Client } from "graphql-ws";

export interface Conversation {
  id: string;
  status: string;
  unread: number;
  assignee: { id: string } | null;
  labels: { id: string }[];
  contact: { id: string } | null;
  lastMessage: { id: string; content: string | null } | null;
}

export interface Counts {
  total: number;
  unassigned: number;
  unread: number;
  byStatus: { status: string; count: number }[];
}

/** Of `ConversationFilter` what can be followed; another member is refused with FILTER_NOT_LIVE. */
export interface Filter {
  status?: string[];
  assigneeId?: string[];
  unassigned?: boolean;
  labelId?: string[];
  medium?: string[];
}

type Update =
  | {
      __typename: "Event";
      cursor: string;
      type: string;
      membership: "ENTERED" | "INSIDE" | "LEFT" | null;
      conversation: Conversation | null;
      payload: { id: string };
    }
  | { __typename: "Checkpoint"; cursor: string; counts: Counts }
  | { __typename: "Reset"; cursor: string; reason: string };

const ROW = `id status unread assignee { id } labels { id } contact { id } lastMessage { id content }`;
const COUNTS = `total unassigned unread byStatus { status count }`;

const SNAPSHOT = `query Snapshot($filter: ConversationFilter, $after: Cursor) {
  head
  inboxCounts { ${COUNTS} }
  conversations(first: 100, after: $after, filter: $filter) { nodes { ${ROW} } pageInfo { hasNextPage endCursor } }
}`;

const FOLLOW = `subscription Follow($filter: EventFilter, $after: Cursor) {
  events(filter: $filter, after: $after, checkpoints: true) {
    __typename
    ... on Event { cursor type membership conversation { ${ROW} } payload }
    ... on Checkpoint { cursor counts { ${COUNTS} } }
    ... on Reset { cursor reason }
  }
}`;

interface Page {
  head: string;
  inboxCounts: Counts;
  conversations: { nodes: Conversation[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
}

export interface Options {
  /** Asked for anew at each connection, so that several servers can be tried in turn. */
  url: () => string;
  token: string;
  filter: Filter;
  /** Told after every change. */
  onChange?: (inbox: Inbox) => void;
  /** Where there is no global WebSocket. */
  webSocketImpl?: unknown;
}

/** The server answered, and the answer is no. */
class Refused extends Error {}

interface Failure {
  message: string;
  extensions?: { code?: string };
}

/** Throws what is for good; what passes is to be tried again. */
function refuse(errors: readonly Failure[]): void {
  const passing = ["UNAVAILABLE", "OVERLOADED", "TIMEOUT"];
  const final = errors.find(({ extensions }) => !passing.includes(extensions?.code ?? ""));
  if (final) throw new Refused(`${final.extensions?.code}: ${final.message}`);
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 500 + 500 * Math.random()));

export class Inbox {
  readonly conversations = new Map<string, Conversation>();
  counts: Counts | undefined;
  /** All that matches up to here is in the list. */
  cursor = "";
  private readonly client: Client;

  constructor(private readonly options: Options) {
    let silence: ReturnType<typeof setTimeout> | undefined;
    this.client = createClient({
      url: () => options.url().replace(/^http/, "ws"),
      webSocketImpl: options.webSocketImpl,
      connectionParams: () => ({ authorization: `Bearer ${options.token}` }),
      // For ever, with growing pauses, unless the code of the close says that it is of no use.
      retryAttempts: Infinity,
      shouldRetry: () => true,
      // A connection that is half open is found out by a ping that no one answers.
      keepAlive: 10_000,
      on: {
        ping: (received) => {
          if (!received) silence = setTimeout(() => this.client.terminate(), 5_000);
        },
        pong: () => clearTimeout(silence),
        closed: () => clearTimeout(silence),
      },
    });
  }

  /** Reads the list, then follows, until it is stopped; fails where the server refuses for good. */
  async run(): Promise<void> {
    this.cursor = await this.read();
    for (;;) {
      try {
        for await (const { data, errors } of this.follow()) {
          if (errors) refuse(errors);
          if (data) await this.take(data.events);
          this.options.onChange?.(this);
        }
        return;
      } catch (error) {
        // Errors of the operation itself come as a list; whatever else there is, graphql-ws has given up on.
        if (!Array.isArray(error)) throw error;
        refuse(error as Failure[]);
        await pause();
      }
    }
  }

  async stop(): Promise<void> {
    await this.client.dispose();
  }

  private follow() {
    const inbox = this;
    return this.client.iterate<{ events: Update }>({
      query: FOLLOW,
      variables: {
        filter: this.options.filter,
        // Read again at each new connection, so that it goes on where it was.
        get after() {
          return inbox.cursor;
        },
      },
    });
  }

  private async take(update: Update): Promise<void> {
    switch (update.__typename) {
      case "Event": {
        const { type, membership, conversation, payload } = update;
        // Only a conversation's own event makes it leave, and that one's payload is the conversation.
        if (membership === "LEFT" || type === "conversation.deleted") this.conversations.delete(payload.id);
        else if (membership && conversation) this.conversations.set(conversation.id, conversation);
        break;
      }
      case "Checkpoint":
        this.counts = update.counts;
        break;
      case "Reset":
        await this.read();
        break;
    }
    this.cursor = update.cursor;
  }

  /** Reads the whole list and the counters; gives the head that stood before. */
  private async read(): Promise<string> {
    let head: string | undefined;
    let after: string | null = null;
    this.conversations.clear();
    for (;;) {
      const page: Page = await this.ask({ filter: this.options.filter, after });
      // What happens while the pages are read comes as an event: the first head is the one to follow from.
      head ??= page.head;
      this.counts = page.inboxCounts;
      for (const node of page.conversations.nodes) this.conversations.set(node.id, node);
      after = page.conversations.pageInfo.endCursor;
      if (!page.conversations.pageInfo.hasNextPage) return head;
    }
  }

  private async ask(variables: object): Promise<Page> {
    for (;;) {
      try {
        const response = await fetch(this.options.url(), {
          method: "POST",
          headers: { "content-type": "application/json", authorization: `Bearer ${this.options.token}` },
          body: JSON.stringify({ query: SNAPSHOT, variables }),
        });
        const { data, errors } = (await response.json()) as { data?: Page; errors?: Failure[] };
        if (data && !errors) return data;
        refuse(errors ?? []);
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      await pause();
    }
  }
}
