// PostGraphile over Docket's views in production mode: node serve.mjs POSTGRES_URL. Says where it listens.
import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { jsonPgSmartTags } from "postgraphile/utils";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { postgraphile } from "postgraphile";

const [connectionString] = process.argv.slice(2);

// The views have no foreign keys: that a row of an inbox is of a ticket has to be told.
const relation = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      "docket_views.inbox": {
        tags: { foreignKey: "(ticket) references docket_views.tickets (ticket)|@fieldName card" },
        // Only columns with an index of their own are filtered by, unless asked for.
        attribute: { unviewed: { tags: { behavior: "+attribute:filterBy" } } },
      },
    },
  },
});

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [relation],
  pgServices: [makePgService({ connectionString, schemas: ["docket_views"], pubsub: false })],
  grafserv: { watch: false, graphiql: false, websockets: false },
  grafast: { explain: false },
};

const server = createServer();
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
