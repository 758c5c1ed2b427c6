// Apollo Client with its normalised cache: pages that join, lists that follow mutations and live events by id alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client/core";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { authorization, graphql, receive, server, socketUrl, soon } from "../inlet.js";

const { __schema } = await graphql("{ __schema { types { name possibleTypes { name } } } }");
const possibleTypes = Object.fromEntries(
  __schema.types.filter((type) => type.possibleTypes).map((type) => [type.name, type.possibleTypes.map(({ name }) => name)]),
);

const socket = createClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams: { authorization } });
const client = new ApolloClient({
  cache: new InMemoryCache({
    possibleTypes,
    typePolicies: {
      Query: { fields: { conversations: relayStylePagination(["filter", "orderBy"]), sources: relayStylePagination() } },
    },
  }),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri: server.graphqlUrl, headers: { authorization }, fetch }),
  ),
});
test.after(async () => {
  client.stop();
  await socket.dispose();
});

/** The first result of a watched query that is as wanted. */
const until = (watched, wanted, what) =>
  soon(
    new Promise((resolve, reject) => {
      const subscription = watched.subscribe({
        next: (result) => {
          if (result.data && result.dataState === "complete" && wanted(result.data)) {
            setImmediate(() => subscription.unsubscribe());
            resolve(result.data);
          }
        },
        error: reject,
      });
    }),
    what,
  );

const CONVERSATIONS = gql`
  query Conversations($first: Int, $after: Cursor) {
    head
    conversations(first: $first, after: $after, orderBy: { field: CREATED, direction: ASC }) {
      edges { cursor node { id unread lastMessage { id content } contact { id phone } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`;

test("pages join, and a live event changes what is on them", async () => {
  const phones = [1, 2, 3, 4, 5].map((last) => `91987661000${last}`);
  for (const phone of phones) await receive(`apollo-${phone}`, phone, "first");
  const watched = client.watchQuery({ query: CONVERSATIONS, variables: { first: 2 } });
  let { head, conversations } = await until(watched, () => true, "the first page");
  assert.equal(conversations.edges.length, 2);
  while (conversations.pageInfo.hasNextPage) {
    await watched.fetchMore({ variables: { first: 2, after: conversations.pageInfo.endCursor } });
    ({ conversations } = watched.getCurrentResult().data);
  }
  const ids = conversations.edges.map(({ node }) => node.id);
  assert.equal(new Set(ids).size, ids.length, "none comes twice");
  const whole = await graphql("{ conversations(first: 100, orderBy: {field: CREATED, direction: ASC}) { nodes { id } } }");
  assert.deepEqual(ids, whole.conversations.nodes.map(({ id }) => id), "pages of two are the whole list");

  const live = client
    .subscribe({
      query: gql`
        subscription Follow($after: Cursor) {
          events(after: $after) {
            __typename
            ... on Event { id cursor type conversation { id unread lastMessage { id content } } }
            ... on Reset { reason }
          }
        }
      `,
      variables: { after: head },
    })
    .subscribe({});
  const target = conversations.edges.find(({ node }) => node.contact.phone === `+${phones[0]}`).node;
  const changed = until(
    watched,
    (data) => data.conversations.edges.some(({ node }) => node.id === target.id && node.lastMessage.content === "second"),
    "the list to follow the event",
  );
  await receive("apollo-live", phones[0], "second");
  const after = await changed;
  assert.equal(after.conversations.edges.length, ids.length);
  assert.equal(after.conversations.edges.find(({ node }) => node.id === target.id).node.unread, target.unread + 1);
  live.unsubscribe();
});

test("a list follows mutations: the changed node by its id, the new one by its edge, the deleted one by its id", async () => {
  const watched = client.watchQuery({
    query: gql`
      query Sources {
        sources(first: 50) {
          edges { cursor node { id name } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    `,
  });
  const { sources } = await until(watched, () => true, "the sources");
  const { id } = sources.edges[0].node;
  const renamed = until(watched, (data) => data.sources.edges[0].node.name === "Renamed", "the new name");
  await client.mutate({
    mutation: gql`mutation Rename($id: ID!) { updateSource(input: { id: $id, name: "Renamed" }) { source { id name } } }`,
    variables: { id },
  });
  await renamed;

  const grown = until(watched, (data) => data.sources.edges.length === sources.edges.length + 1, "the new source");
  const { data: created } = await client.mutate({
    mutation: gql`
      mutation Create {
        createSource(input: { name: "New", provider: ONEROUTE, secret: "s", verification: HMAC, idempotencyKey: "apollo-1" }) {
          sourceEdge { cursor node { id name } }
        }
      }
    `,
    update(cache, { data }) {
      cache.modify({
        fields: {
          sources: (list) => ({ ...list, edges: [...list.edges, data.createSource.sourceEdge] }),
        },
      });
    },
  });
  const { cursor, node } = created.createSource.sourceEdge;
  assert.equal((await grown).sources.edges.at(-1).node.name, "New");
  const page = await graphql("query After($after: Cursor) { sources(after: $after) { nodes { id } } }", { after: cursor });
  assert.deepEqual(page.sources.nodes, [], "its cursor is one of the list");

  const shrunk = until(watched, (data) => data.sources.edges.length === sources.edges.length, "the source to go");
  await client.mutate({
    mutation: gql`mutation Delete($id: ID!) { deleteSource(input: { id: $id }) { deletedSourceId } }`,
    variables: { id: node.id },
    update(cache, { data }) {
      const gone = cache.identify({ __typename: "Source", id: data.deleteSource.deletedSourceId });
      cache.evict({ id: gone });
      cache.modify({
        fields: {
          sources: (list, { readField }) => ({
            ...list,
            edges: list.edges.filter((edge) => readField("id", readField("node", edge)) !== node.id),
          }),
        },
      });
    },
  });
  await shrunk;
});
