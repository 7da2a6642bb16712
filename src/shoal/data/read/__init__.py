"""From files, pipes, data frames and arrays to Arrow tables: one `TableSource` for all of them."""
