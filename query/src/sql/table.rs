use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use quorate_schemas::table::Table;

use crate::snapshot::TableFile;

/// A table whose files are known: nothing is listed, and no file is asked for its size.
#[derive(Debug)]
pub(super) struct FilesOf {
    schema: SchemaRef,
    store: ObjectStoreUrl,
    files: Vec<(String, u64)>,
}

impl FilesOf {
    pub(super) fn new(table: Table, files: &[TableFile], store: ObjectStoreUrl) -> FilesOf {
        let files = files.iter().map(|file| (file.path.clone(), file.bytes)).collect();
        FilesOf { schema: table.schema(), store, files }
    }

    /// The files, dealt out to so many readers.
    fn groups(&self, readers: usize) -> Vec<FileGroup> {
        let mut groups: Vec<Vec<PartitionedFile>> = Vec::new();
        groups.resize_with(readers.clamp(1, self.files.len().max(1)), Vec::new);
        let count = groups.len();
        for (nr, (path, bytes)) in self.files.iter().enumerate() {
            groups[nr % count].push(PartitionedFile::new(path.clone(), *bytes));
        }
        groups.into_iter().map(FileGroup::new).collect()
    }
}

#[async_trait]
impl TableProvider for FilesOf {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    // Filters stay above and are pushed into the files by the optimizer, which skips what they rule out.
    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.files.is_empty() {
            let schema = datafusion::common::project_schema(&self.schema, projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let source = Arc::new(ParquetSource::new(Arc::clone(&self.schema)));
        let scan = FileScanConfigBuilder::new(self.store.clone(), source)
            .with_file_groups(self.groups(session.config().target_partitions()))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}
